package animegan3.example

import android.content.res.AssetManager
import android.graphics.Bitmap
import android.util.Log
import com.google.ai.edge.litert.Accelerator
import com.google.ai.edge.litert.CompiledModel
import com.google.ai.edge.litert.Environment
import com.google.ai.edge.litert.LiteRtException
import com.google.ai.edge.litert.TensorBuffer
import com.google.ai.edge.litert.TensorType

/**
 * The exported generator, on the GPU where the device's can run it whole, else on the CPU with XNNPACK.
 *
 * Made, used and closed on one thread, not the main one: compiling and running take long.
 */
class Generator private constructor(
    private val environment: Environment,
    private val model: CompiledModel,
    val device: String,
) : AutoCloseable {
    val size = inputSize(model)
    private val inputs: List<TensorBuffer> = model.createInputBuffers(SIGNATURE)
    private val outputs: List<TensorBuffer> = model.createOutputBuffers(SIGNATURE)

    /** Photo to anime. A photo larger than the model comes back at the size that fits into it. */
    fun stylize(photo: Bitmap): Bitmap {
        val full = Size(photo.width, photo.height)
        val argb = IntArray(full.width * full.height)
        photo.getPixels(argb, 0, full.width, 0, 0, full.width, full.height)
        inputs.single().writeFloat(toModel(argb, full, size))
        model.run(inputs, outputs, SIGNATURE)
        val fitted = fit(full, size)
        val anime = fromModel(outputs.single().readFloat(), size, fitted)
        return Bitmap.createBitmap(anime, fitted.width, fitted.height, Bitmap.Config.ARGB_8888)
    }

    override fun close() {
        (inputs + outputs + model + environment).forEach { it.close() }
    }

    companion object {
        const val ASSET = "generator.tflite"
        private const val SIGNATURE = "serving_default"
        private const val INPUT = "photo"
        private const val MOST_THREADS = 4 // of a phone's cores about four are fast, and slow ones make all wait

        fun load(assets: AssetManager): Generator {
            check(ASSET in assets.list("").orEmpty()) {
                "the app holds no model; copy an exported .tflite file to app/src/main/assets/$ASSET and build again"
            }
            val environment = Environment.create()
            var model: CompiledModel? = null
            try {
                // GPU alone, not GPU and CPU: then a device that cannot do it says so instead of running it elsewhere.
                model = try {
                    CompiledModel.create(assets, ASSET, CompiledModel.Options(Accelerator.GPU), environment)
                } catch (error: LiteRtException) {
                    Log.i("Generator", "not on the GPU: ${error.message}")
                    null
                }
                if (model != null) return Generator(environment, model, "GPU")
                val threads = Runtime.getRuntime().availableProcessors().coerceAtMost(MOST_THREADS)
                val options = CompiledModel.Options(Accelerator.CPU)
                options.cpuOptions = CompiledModel.CpuOptions(numThreads = threads)
                model = CompiledModel.create(assets, ASSET, options, environment)
                return Generator(environment, model, "CPU, $threads threads")
            } catch (error: Exception) {
                model?.close()
                environment.close()
                throw error
            }
        }

        private fun inputSize(model: CompiledModel): Size {
            val type = model.getInputTensorType(INPUT, SIGNATURE)
            val shape = type.layout?.dimensions.orEmpty()
            val fits = shape.size == 4 && shape[0] == 1 && shape[3] == 3 && shape[1] >= 16 && shape[2] >= 16
            check(fits && type.elementType == TensorType.ElementType.FLOAT) {
                "$ASSET takes ${type.elementType} $shape; it must take float32 [1, height, width, 3] of one fixed size"
            }
            return Size(width = shape[2], height = shape[1])
        }
    }
}
