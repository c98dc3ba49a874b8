// Kotlin comes with the Android Gradle plugin since its version 9; there is no plugin of its own to apply.
plugins {
    id("com.android.application") version "9.3.2" apply false
}
