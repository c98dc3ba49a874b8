plugins {
    id("com.android.application")
}

android {
    namespace = "animegan3.example"
    compileSdk = 36

    defaultConfig {
        applicationId = "animegan3.example"
        minSdk = 28 // ImageDecoder, which turns photos upright
        targetSdk = 36
        versionCode = 1
        versionName = "1.0"
    }
}

dependencies {
    implementation("androidx.activity:activity:1.13.0")
    implementation("com.google.ai.edge.litert:litert:2.3.0")
    implementation("com.google.ai.edge.litert:litert-gpu:2.3.0") // without it the app runs, on the CPU
    testImplementation("junit:junit:4.13.2")
}
