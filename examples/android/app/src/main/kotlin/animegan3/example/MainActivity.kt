package animegan3.example

import android.net.Uri
import android.os.Bundle
import android.os.SystemClock
import android.util.Log
import android.widget.Button
import android.widget.SeekBar
import android.widget.TextView
import androidx.activity.ComponentActivity
import androidx.activity.result.PickVisualMediaRequest
import androidx.activity.result.contract.ActivityResultContracts.PickVisualMedia
import java.util.concurrent.Executors

/** Choose a photo, see it as anime, slide between the two. */
class MainActivity : ComponentActivity() {
    private val worker = Executors.newSingleThreadExecutor()
    private var generator: Generator? = null // touched by the worker only
    private lateinit var compare: CompareView
    private lateinit var status: TextView
    private lateinit var choose: Button

    private val picker = registerForActivityResult(PickVisualMedia()) { uri -> uri?.let { stylize(it) } }

    override fun onCreate(savedInstanceState: Bundle?) {
        super.onCreate(savedInstanceState)
        setContentView(R.layout.main)
        compare = findViewById(R.id.compare)
        status = findViewById(R.id.status)
        choose = findViewById(R.id.choose)
        choose.setOnClickListener { picker.launch(PickVisualMediaRequest(PickVisualMedia.ImageOnly)) }
        findViewById<SeekBar>(R.id.slider).setOnSeekBarChangeListener(object : SeekBar.OnSeekBarChangeListener {
            override fun onProgressChanged(slider: SeekBar, progress: Int, fromUser: Boolean) {
                compare.split = progress.toFloat() / slider.max
            }

            override fun onStartTrackingTouch(slider: SeekBar) = Unit

            override fun onStopTrackingTouch(slider: SeekBar) = Unit
        })
    }

    private fun stylize(uri: Uri) {
        choose.isEnabled = false
        status.setText(R.string.working)
        worker.execute {
            val message = try {
                val photo = readPhoto(contentResolver, uri)
                runOnUiThread { compare.show(photo, null) }
                val model = generator ?: Generator.load(assets).also { generator = it }
                val start = SystemClock.elapsedRealtime()
                val anime = model.stylize(photo)
                val took = SystemClock.elapsedRealtime() - start
                runOnUiThread { compare.show(photo, anime) }
                getString(R.string.done, model.device, took, model.size.width, model.size.height)
            } catch (error: Exception) { // of the file, the model or the driver: each tells its own story
                Log.e("MainActivity", "no picture", error)
                getString(R.string.failed, error.message ?: error.javaClass.simpleName)
            }
            runOnUiThread {
                status.text = message
                choose.isEnabled = true
            }
        }
    }

    override fun onDestroy() {
        worker.execute { generator?.close() }
        worker.shutdown()
        super.onDestroy()
    }
}
