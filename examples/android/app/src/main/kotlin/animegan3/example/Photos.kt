package animegan3.example

import android.content.ContentResolver
import android.graphics.Bitmap
import android.graphics.ColorSpace
import android.graphics.ImageDecoder
import android.net.Uri
import kotlin.math.max

private const val LONGEST_SIDE = 2048 // several times what a model takes; the decoder skips the rest

/** A photo upright (ImageDecoder honours the EXIF orientation), in sRGB, with its longer side at most 2048 pixels. */
fun readPhoto(resolver: ContentResolver, uri: Uri): Bitmap =
    ImageDecoder.decodeBitmap(ImageDecoder.createSource(resolver, uri)) { decoder, info, _ ->
        decoder.allocator = ImageDecoder.ALLOCATOR_SOFTWARE // a hardware bitmap's pixels cannot be read
        decoder.setTargetColorSpace(ColorSpace.get(ColorSpace.Named.SRGB))
        val longest = max(info.size.width, info.size.height)
        decoder.setTargetSampleSize((longest + LONGEST_SIDE - 1) / LONGEST_SIDE)
    }
