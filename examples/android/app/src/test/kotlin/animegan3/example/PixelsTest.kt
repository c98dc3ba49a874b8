package animegan3.example

import org.junit.Assert.assertArrayEquals
import org.junit.Assert.assertEquals
import org.junit.Assert.assertThrows
import org.junit.Test

class PixelsTest {
    private fun gray(vararg levels: Int) = IntArray(levels.size) { (255 shl 24) or levels[it] * 0x010101 }

    private fun red(values: FloatArray) = FloatArray(values.size / 3) { values[3 * it] }

    @Test
    fun everyLevelSurvivesTheWayToTheModelAndBack() {
        val size = Size(16, 16)
        val photo = gray(*IntArray(256) { it })
        assertArrayEquals(photo, fromModel(toModel(photo, size, size), size, size))
    }

    @Test
    fun theModelSeesRedGreenBlueFromMinusOneToOne() {
        val one = Size(1, 1)
        val orange = intArrayOf(0x00ff3300) // alpha 0, which is ignored; 51 / 127.5 - 1 = -0.6
        assertArrayEquals(floatArrayOf(1f, -0.6f, -1f), toModel(orange, one, one), 1e-6f)
        assertEquals(0xffff3300.toInt(), fromModel(floatArrayOf(1f, -0.6f, -1f), one, one).single())
    }

    @Test
    fun smallPhotosAreFilledUpByReflection() {
        // 0 51 102 -> -1 -0.6 -0.2, then back and forth
        val values = toModel(gray(0, 51, 102), Size(3, 1), Size(8, 2))
        val row = floatArrayOf(-1f, -0.6f, -0.2f, -0.6f, -1f, -0.6f, -0.2f, -0.6f)
        assertArrayEquals(row + row, red(values), 1e-6f)
    }

    @Test
    fun largePhotosAreReducedByArea() {
        // each of two pixels covers one and a half: (0 + 90/2) / 1.5 = 30 and (90/2 + 30) / 1.5 = 50
        val values = toModel(gray(0, 90, 30), Size(3, 1), Size(2, 1))
        assertArrayEquals(floatArrayOf(30 / 127.5f - 1, 50 / 127.5f - 1), red(values), 1e-6f)
    }

    @Test
    fun bothAxesAreReduced() {
        val photo = gray(0, 20, 40, 60, 100, 120, 140, 160) // 4x2 -> 2x1: means of 0 20 100 120 and of 40 60 140 160
        val values = toModel(photo, Size(4, 2), Size(2, 2)) // reflected below
        val means = floatArrayOf(60 / 127.5f - 1, 100 / 127.5f - 1)
        assertArrayEquals(means + means, red(values), 1e-6f)
    }

    @Test
    fun photosKeepTheirShapeAndAreNeverEnlarged() {
        assertEquals(Size(256, 192), fit(Size(4000, 3000), Size(256, 256)))
        assertEquals(Size(100, 256), fit(Size(1000, 2560), Size(256, 256)))
        assertEquals(Size(40, 30), fit(Size(40, 30), Size(256, 256)))
        assertEquals(Size(256, 1), fit(Size(10_000, 3), Size(256, 256)))
    }

    @Test
    fun theResultIsTheFittedPartAndClipped() {
        val room = Size(2, 2)
        val values = floatArrayOf(-3f, 0f, 3f, 9f, 9f, 9f, 1f, 1f, 1f, 9f, 9f, 9f) // the left column is the picture
        val picture = fromModel(values, room, Size(1, 2))
        assertArrayEquals(intArrayOf(0xff0080ff.toInt(), 0xffffffff.toInt()), picture) // 127.5 rounds to even: 128
    }

    @Test
    fun brokenOutputIsNoPicture() {
        val one = Size(1, 1)
        assertThrows(IllegalStateException::class.java) { fromModel(floatArrayOf(0f, Float.NaN, 0f), one, one) }
    }
}
