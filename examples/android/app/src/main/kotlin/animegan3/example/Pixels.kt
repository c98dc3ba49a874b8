package animegan3.example

import kotlin.math.ceil
import kotlin.math.floor
import kotlin.math.max
import kotlin.math.min
import kotlin.math.round

/*
 * Between a photo's pixels and the model's numbers, as examples/litert_minimal.py does it. Nothing of Android in here,
 * so that it is tested on any JVM.
 *
 * Pixels are ARGB row by row, as Bitmap.getPixels gives them; alpha is ignored. The model's numbers are float32 RGB in
 * [-1, 1], row by row (NHWC).
 */

private const val HALF_RANGE = 127.5f
private const val CHANNELS = 3

data class Size(val width: Int, val height: Int)

/** The size at which a photo goes into the model's [room]: reduced where it is larger, never enlarged. */
fun fit(photo: Size, room: Size): Size {
    val scale = min(1.0, min(room.width.toDouble() / photo.width, room.height.toDouble() / photo.height))
    return Size(max(1, round(photo.width * scale).toInt()), max(1, round(photo.height * scale).toInt()))
}

/** The model's input for a photo: reduced to fit, at the top left, and filled up by reflection. */
fun toModel(argb: IntArray, photo: Size, room: Size): FloatArray {
    val fitted = fit(photo, room)
    val levels = shrink(argb, photo, fitted)
    val values = FloatArray(room.height * room.width * CHANNELS)
    var next = 0
    for (y in 0 until room.height) {
        val row = reflect(y, fitted.height) * fitted.width
        for (x in 0 until room.width) {
            val pixel = (row + reflect(x, fitted.width)) * CHANNELS
            for (channel in 0 until CHANNELS) values[next++] = levels[pixel + channel] / HALF_RANGE - 1f
        }
    }
    return values
}

/** The picture in the model's output: the [fitted] part of [room], opaque. */
fun fromModel(values: FloatArray, room: Size, fitted: Size): IntArray =
    IntArray(fitted.width * fitted.height) { index ->
        val pixel = (index / fitted.width * room.width + index % fitted.width) * CHANNELS
        (255 shl 24) or (level(values[pixel]) shl 16) or (level(values[pixel + 1]) shl 8) or level(values[pixel + 2])
    }

private fun level(value: Float): Int {
    check(value.isFinite()) { "the model gave no picture, but infinite numbers or NaN" }
    return round((value + 1f) * HALF_RANGE).coerceIn(0f, 255f).toInt()
}

/** Where position [index] lies when 0 until [size] is reflected at its ends, the ends themselves not repeated. */
internal fun reflect(index: Int, size: Int): Int {
    if (size == 1) return 0
    val folded = index % (2 * (size - 1))
    return min(folded, 2 * (size - 1) - folded)
}

private fun shrink(argb: IntArray, from: Size, to: Size): FloatArray {
    val levels = FloatArray(argb.size * CHANNELS) { index ->
        (argb[index / CHANNELS] shr (16 - 8 * (index % CHANNELS)) and 0xff).toFloat()
    }
    if (from == to) return levels
    val lower = shrinkAxis(levels, 1, from.height, from.width * CHANNELS, to.height)
    val smaller = shrinkAxis(lower, to.height, from.width, CHANNELS, to.width)
    for (index in smaller.indices) smaller[index] = round(smaller[index])
    return smaller
}

/** Reduces the middle axis of [outer, size, inner] to [newSize]: each new value is the mean of what it covers. */
internal fun shrinkAxis(values: FloatArray, outer: Int, size: Int, inner: Int, newSize: Int): FloatArray {
    val result = FloatArray(outer * newSize * inner)
    val step = size.toDouble() / newSize
    for (target in 0 until newSize) {
        val begin = target * step
        val end = min((target + 1) * step, size.toDouble())
        for (source in floor(begin).toInt() until ceil(end).toInt()) {
            val share = ((min(end, source + 1.0) - max(begin, source.toDouble())) / step).toFloat()
            for (block in 0 until outer) {
                val read = (block * size + source) * inner
                val write = (block * newSize + target) * inner
                for (offset in 0 until inner) result[write + offset] += share * values[read + offset]
            }
        }
    }
    return result
}
