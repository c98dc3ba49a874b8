package animegan3.example

import android.content.Context
import android.graphics.Bitmap
import android.graphics.Canvas
import android.graphics.Color
import android.graphics.Paint
import android.graphics.RectF
import android.util.AttributeSet
import android.view.View
import kotlin.math.min

/** Two pictures of one scene over each other, divided by a vertical line: [before] on its left, [after] on its right. */
class CompareView(context: Context, attributes: AttributeSet?) : View(context, attributes) {
    private var before: Bitmap? = null
    private var after: Bitmap? = null
    private val frame = RectF()
    private val smooth = Paint(Paint.FILTER_BITMAP_FLAG)
    private val line = Paint().apply {
        color = Color.WHITE
        strokeWidth = 2 * resources.displayMetrics.density
    }

    /** Where the line stands, 0 (left edge) to 1. */
    var split = 0.5f
        set(value) {
            field = value
            invalidate()
        }

    /** Both fill the same frame, so [after] may have fewer pixels. */
    fun show(before: Bitmap, after: Bitmap?) {
        this.before = before
        this.after = after
        invalidate()
    }

    override fun onDraw(canvas: Canvas) {
        val photo = before ?: return
        val scale = min(width.toFloat() / photo.width, height.toFloat() / photo.height)
        frame.set(0f, 0f, photo.width * scale, photo.height * scale)
        frame.offset((width - frame.width()) / 2, (height - frame.height()) / 2)
        canvas.drawBitmap(photo, null, frame, smooth)
        val anime = after ?: return
        val x = frame.left + split * frame.width()
        canvas.save()
        canvas.clipRect(x, frame.top, frame.right, frame.bottom)
        canvas.drawBitmap(anime, null, frame, smooth)
        canvas.restore()
        canvas.drawLine(x, frame.top, x, frame.bottom, line)
    }
}
