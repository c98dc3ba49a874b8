"""What can be told of the Android example without an Android SDK: that its files agree with each other and with us."""

import re
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PROJECT = ROOT / "examples" / "android"
MAIN = PROJECT / "app" / "src" / "main"
ANDROID = "{http://schemas.android.com/apk/res/android}"


@pytest.fixture(scope="module")
def kotlin():
    """{file name: source} of the app."""
    return {path.name: path.read_text() for path in MAIN.rglob("*.kt")}


def constant(source, name):
    (value,) = re.findall(rf"const val {name} = (.+?)(?: //.*)?$", source, re.MULTILINE)
    return value.strip('"')


def test_the_manifest_asks_for_nothing_and_names_the_activity(kotlin):
    manifest = ET.parse(MAIN / "AndroidManifest.xml").getroot()
    assert not list(manifest.iter("uses-permission"))
    (activity,) = manifest.iter("activity")
    name = activity.get(f"{ANDROID}name").lstrip(".")
    assert f"class {name} : ComponentActivity()" in kotlin[f"{name}.kt"]
    assert activity.get(f"{ANDROID}exported") == "true"  # or no launcher could start it


def test_every_resource_that_is_used_is_there_and_no_other(kotlin):
    strings = {item.get("name") for item in ET.parse(MAIN / "res/values/strings.xml").getroot()}
    layout = list(ET.parse(MAIN / "res/layout/main.xml").iter())
    ids = {value[len("@+id/") :] for item in layout if (value := item.get(f"{ANDROID}id"))}
    xml = (MAIN / "AndroidManifest.xml").read_text() + (MAIN / "res/layout/main.xml").read_text()
    code = "".join(kotlin.values())
    assert strings == set(re.findall(r"@string/(\w+)", xml)) | set(re.findall(r"R\.string\.(\w+)", code))
    assert ids == set(re.findall(r"R\.id\.(\w+)", code))
    assert set(re.findall(r"R\.layout\.(\w+)", code)) == {path.stem for path in (MAIN / "res/layout").iterdir()}


def test_views_of_the_layout_are_classes_of_the_app(kotlin):
    own = [item.tag for item in ET.parse(MAIN / "res/layout/main.xml").iter() if "." in item.tag]
    assert own == ["animegan3.example.CompareView"]
    for tag in own:
        package, name = tag.rsplit(".", 1)
        assert f"package {package}\n" in kotlin[f"{name}.kt"]
        assert f'namespace = "{package}"' in (PROJECT / "app/build.gradle.kts").read_text()
        # this constructor is the one that a layout calls
        assert f"class {name}(context: Context, attributes: AttributeSet?)" in kotlin[f"{name}.kt"]


def test_the_model_is_called_as_the_exporter_names_it(kotlin, tmp_path):
    import tensorflow as tf

    from animegan3_tf.export.convert import convert_tflite
    from animegan3_tf.models.litert import open_interpreter

    photo = tf.keras.Input((None, None, 3))
    network = tf.keras.Model(photo, tf.keras.layers.Conv2D(3, 1)(photo))
    path = tmp_path / "network.tflite"
    path.write_bytes(convert_tflite(network, 32, ["float32"])["float32"])
    interpreter, _ = open_interpreter(path)
    ((signature, names),) = interpreter.get_signature_list().items()
    assert signature == constant(kotlin["Generator.kt"], "SIGNATURE")
    assert names["inputs"] == [constant(kotlin["Generator.kt"], "INPUT")]
    assert len(names["outputs"]) == 1


def test_the_model_lies_where_the_readme_says(kotlin):
    asset = constant(kotlin["Generator.kt"], "ASSET")
    assert f"app/src/main/assets/{asset}\n" in (PROJECT / "README.md").read_text()
    assert "app/src/main/assets/" in (PROJECT / ".gitignore").read_text()  # a model is not ours to commit


def test_pictures_are_scaled_to_numbers_as_in_python(kotlin):
    half_range = constant(kotlin["Pixels.kt"], "HALF_RANGE").rstrip("f")
    assert "/ HALF_RANGE - 1f" in kotlin["Pixels.kt"]
    assert "+ 1f) * HALF_RANGE" in kotlin["Pixels.kt"]
    for path in ("examples/litert_minimal.py", "animegan3_tf/common/images.py"):
        source = (ROOT / path).read_text()
        assert f"/ {half_range} - 1.0" in source
        assert f"+ 1.0) * {half_range}" in source


def test_pixels_need_no_android(kotlin):
    imports = set(re.findall(r"^import (\S+)", kotlin["Pixels.kt"], re.MULTILINE))
    assert {name for name in imports if not name.startswith("kotlin.math.")} == set()


def test_versions_in_the_readme_are_those_of_the_build():
    readme = (PROJECT / "README.md").read_text()
    build = (PROJECT / "app/build.gradle.kts").read_text()
    for pattern, source in (
        (r'com\.android\.application"\) version "(.+?)"', (PROJECT / "build.gradle.kts").read_text()),
        (r"gradle-(.+?)-bin\.zip", (PROJECT / "gradle/wrapper/gradle-wrapper.properties").read_text()),
        (r"litert:litert:(.+?)\"", build),
        (r"litert:litert-gpu:(.+?)\"", build),
        (r"androidx\.activity:activity:(.+?)\"", build),
        (r"minSdk = (\d+)", build),
        (r"targetSdk = (\d+)", build),
    ):
        (version,) = re.findall(pattern, source)
        assert re.search(rf"\| .*\b{re.escape(version)}\b.* \|", readme), version
