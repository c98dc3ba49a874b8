"""What a model file may do: the operations that SavedModels and ONNX files may hold unless their author is trusted.

A graph can read and write files. So a file is parsed, and every operation of it compared with a list, before its
runtime sees it; inside `trusted` nothing is refused. docs/security.md says the same in words.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterable, Iterator
from contextvars import ContextVar
from pathlib import Path
from typing import TYPE_CHECKING, Any

from animegan3_tf.common.errors import UserError, one_line, quote
from animegan3_tf.common.files import regular_file

if TYPE_CHECKING:
    from onnx import ModelProto
    from tensorflow.core.protobuf.meta_graph_pb2 import MetaGraphDef

_TRUSTED = ContextVar("trusted", default=False)


@contextlib.contextmanager
def trusted() -> Iterator[None]:
    """Inside the `with` block, model files that are opened may do what they like, in this process."""
    before = _TRUSTED.set(True)
    try:
        yield
    finally:
        _TRUSTED.reset(before)


def is_trusted() -> bool:
    """Whether model files may do what they like here."""
    return _TRUSTED.get()


# TensorFlow's operations that compute, and neither read nor write anything outside of the graph and its variables. They
# cover what this project exports, Keras's `model.export` and `model.save`, converters and modules of TF-Hub.
_COMPUTING = (
    # a function, constants and variables
    "_Arg _Retval Assert Assign AssignAddVariableOp AssignSubVariableOp AssignVariableOp CheckNumerics Const DeepCopy "
    "DisableCopyOnRead EnsureShape Identity IdentityN NoOp PartitionedCall Placeholder PlaceholderWithDefault "
    "PreventGradient ReadVariableOp ResourceGather Snapshot StatefulPartitionedCall StopGradient VarHandleOp "
    "VarIsInitializedOp Variable VariableV2 "
    # branches and loops
    "Case ControlTrigger EmptyTensorList Enter Exit If LoopCond Merge NextIteration StatelessCase StatelessIf "
    "StatelessWhile Switch TensorArrayCloseV3 TensorArrayConcatV3 TensorArrayGatherV3 TensorArrayReadV3 "
    "TensorArrayScatterV3 TensorArraySizeV3 TensorArraySplitV3 TensorArrayV3 TensorArrayWriteV3 TensorListConcatV2 "
    "TensorListElementShape TensorListFromTensor TensorListGather TensorListGetItem TensorListLength "
    "TensorListPopBack TensorListPushBack TensorListReserve TensorListResize TensorListScatterV2 TensorListSetItem "
    "TensorListSplit TensorListStack While "
    # numbers
    "Abs Acos Acosh Add AddN AddV2 Angle ApproximateEqual Asin Asinh Atan Atan2 Atanh BesselI0e BesselI1e BitwiseAnd "
    "BitwiseOr BitwiseXor Ceil ClipByValue Complex ComplexAbs Conj Cos Cosh Digamma Div DivNoNan Equal Erf Erfc Erfinv "
    "Exp Expm1 Floor FloorDiv FloorMod Greater GreaterEqual Imag Inv Invert IsFinite IsInf IsNan LeftShift Less "
    "LessEqual Lgamma Log Log1p LogicalAnd LogicalNot LogicalOr Maximum Minimum Mod Mul MulNoNan Ndtri Neg NextAfter "
    "NotEqual Pow Real RealDiv Reciprocal RightShift Rint Round Rsqrt Sigmoid Sign Sin Sinh Sqrt Square "
    "SquaredDifference Sub Tan Tanh TruncateDiv TruncateMod Xdivy Xlog1py Xlogy "
    # sums, orders and matrices
    "All Any ArgMax ArgMin BatchMatMul BatchMatMulV2 BatchMatMulV3 Bincount Bucketize Cholesky Cross Cumprod Cumsum "
    "CumulativeLogsumexp DenseBincount Diag DiagPart Einsum EuclideanNorm FFT FFT2D FFT3D HistogramFixedWidth IFFT "
    "IFFT2D IFFT3D IRFFT IRFFT2D IRFFT3D L2Loss MatMul MatrixBandPart MatrixDeterminant MatrixDiag MatrixDiagPart "
    "MatrixDiagPartV2 MatrixDiagPartV3 MatrixDiagV2 MatrixDiagV3 MatrixInverse MatrixSetDiag MatrixSetDiagV2 "
    "MatrixSetDiagV3 MatrixSolve MatrixTriangularSolve Max Mean Min NthElement Prod Qr RFFT RFFT2D RFFT3D SegmentMax "
    "SegmentMean SegmentMin SegmentProd SegmentSum SelfAdjointEigV2 Sum Svd TopK TopKV2 Unique UniqueV2 "
    "UniqueWithCounts UnsortedSegmentMax UnsortedSegmentMin UnsortedSegmentProd UnsortedSegmentSum "
    # shapes
    "BatchToSpace BatchToSpaceND Bitcast BroadcastArgs BroadcastTo Cast Concat ConcatOffset ConcatV2 "
    "ConjugateTranspose DepthToSpace DynamicPartition DynamicStitch Empty ExpandDims ExtractImagePatches Fill Gather "
    "GatherNd GatherV2 InvertPermutation LinSpace LowerBound MirrorPad OneHot OnesLike Pack Pad PadV2 ParallelConcat "
    "ParallelDynamicStitch Range Rank Reshape Reverse ReverseSequence ReverseV2 Roll ScatterNd Select SelectV2 Shape "
    "ShapeN Size Slice SpaceToBatch SpaceToBatchND SpaceToDepth Split SplitV Squeeze StridedSlice TensorScatterAdd "
    "TensorScatterMax TensorScatterMin TensorScatterSub TensorScatterUpdate Tile Transpose Unpack UnravelIndex "
    "UpperBound Where ZerosLike "
    # layers of networks
    "AvgPool AvgPool3D BatchNormWithGlobalNormalization BiasAdd BiasAddV1 Conv Conv2D Conv2DBackpropInput Conv3D "
    "Conv3DBackpropInputV2 DepthwiseConv2dNative DepthwiseConv2dNativeBackpropInput Dilation2D Elu FusedBatchNorm "
    "FusedBatchNormV2 FusedBatchNormV3 FusedPadConv2D FusedResizeAndPadConv2D LRN LeakyRelu LogSoftmax MaxPool "
    "MaxPool3D MaxPoolV2 MaxPoolWithArgmax QuantizedConv2D Relu Relu6 Selu Softmax Softplus Softsign "
    # images
    "AdjustContrastv2 AdjustHue AdjustSaturation CropAndResize HSVToRGB ImageProjectiveTransformV2 "
    "ImageProjectiveTransformV3 NonMaxSuppression NonMaxSuppressionV2 NonMaxSuppressionV3 NonMaxSuppressionV4 "
    "NonMaxSuppressionV5 RGBToHSV ResizeArea ResizeBicubic ResizeBilinear ResizeNearestNeighbor ScaleAndTranslate "
    # quantisation
    "Dequantize FakeQuantWithMinMaxArgs FakeQuantWithMinMaxVars FakeQuantWithMinMaxVarsPerChannel "
    "QuantizeAndDequantize QuantizeAndDequantizeV2 QuantizeAndDequantizeV3 QuantizeAndDequantizeV4 QuantizeV2 "
    "QuantizedAdd QuantizedBiasAdd QuantizedConcat QuantizedMatMul QuantizedMul QuantizedRelu QuantizedReshape "
    "Requantize UniformDequantize UniformQuantize "
    # noise
    "Multinomial RandomShuffle RandomStandardNormal RandomUniform RandomUniformInt RngReadAndSkip "
    "StatelessRandomGetAlg StatelessRandomGetKeyCounter StatelessRandomGetKeyCounterAlg StatelessRandomNormal "
    "StatelessRandomNormalV2 StatelessRandomUniform StatelessRandomUniformFullInt StatelessRandomUniformFullIntV2 "
    "StatelessRandomUniformInt StatelessRandomUniformIntV2 StatelessRandomUniformV2 StatelessTruncatedNormal "
    "StatelessTruncatedNormalV2 TruncatedNormal "
    # gradients, which Keras 2 saves with its models
    "AvgPoolGrad BiasAddGrad BroadcastGradientArgs Conv2DBackpropFilter DepthwiseConv2dNativeBackpropFilter EluGrad "
    "FusedBatchNormGrad FusedBatchNormGradV2 FusedBatchNormGradV3 InvGrad LeakyReluGrad LRNGrad MaxPoolGrad "
    "MaxPoolGradV2 MirrorPadGrad ReciprocalGrad Relu6Grad ReluGrad ResizeBicubicGrad ResizeBilinearGrad "
    "ResizeNearestNeighborGrad RsqrtGrad SeluGrad SigmoidGrad SoftplusGrad SoftsignGrad SqrtGrad StridedSliceGrad "
    "TanhGrad"
)
OPERATIONS = frozenset(_COMPUTING.split())
# A SavedModel also holds two functions that save and restore its variables. TensorFlow never runs them when it loads a
# model of its second version, and no other function may call them.
_SAVING = {"MergeV2Checkpoints", "RestoreV2", "SaveV2", "ShardedFilename", "StaticRegexFullMatch", "StringJoin"}
_CONSTANTS = 1 << 30  # bytes of constants that repeat one number, which take no room in the file


def check_saved_model(path: Path) -> None:
    """Checks that a SavedModel's graphs compute and do nothing else; nothing of it is run.

    Raises:
        UserError: saved_model.pb cannot be read, or it is not trusted and has operations other than `OPERATIONS`, or
            its constants are larger than it is.
    """
    from google.protobuf.message import DecodeError
    from tensorflow.core.protobuf.saved_model_pb2 import SavedModel

    file = path / "saved_model.pb"  # TensorFlow, too, reads no other file where there is one of this name
    try:
        content = regular_file(file).read_bytes()
        model = SavedModel.FromString(content)
    except (OSError, DecodeError) as error:
        raise UserError(f"model {quote(path)} is not a SavedModel, or it is damaged: {one_line(error)}") from None
    if is_trusted():
        return
    is_of_second_version = len(model.meta_graphs) == 1 and model.meta_graphs[0].HasField("object_graph_def")
    for meta in model.meta_graphs:
        refuse(path, _foreign(meta, is_of_second_version))
    declared = sum(_declared(node) for meta in model.meta_graphs for node in _nodes(meta))
    if declared > len(content) + _CONSTANTS:
        raise UserError(f"model {quote(path)} has constants of {declared:,} bytes in a file of {len(content):,}")


def refuse(path: Path, operations: Iterable[str]) -> None:
    """Refuses a file for the operations in it that drawing does not need; raises UserError where there are some."""
    names = sorted(set(operations))
    if names and not is_trusted():
        more = f" and {len(names) - 3} more" if len(names) > 3 else ""
        raise UserError(
            f"model {quote(path)} has operations that drawing does not need, which may do harm: "
            f"{', '.join(map(quote, names[:3]))}{more}; add --trust if you trust whoever made it"
        )


def _foreign(meta: MetaGraphDef, is_of_second_version: bool) -> Iterator[str]:
    """Yields the operations of a graph and of all functions of its library that are not allowed."""
    functions = meta.graph_def.library.function
    # a function may stand in an operation's place; under any other name it might hide one of TensorFlow's own
    known = OPERATIONS | {one.signature.name for one in functions if one.signature.name.startswith("__")}
    called = {name for function in functions for node in function.node_def for name in _called(node)}
    called |= set(meta.object_graph_def.concrete_functions)
    for saved in meta.object_graph_def.nodes:
        called.update(saved.function.concrete_functions)
        called |= {saved.bare_concrete_function.concrete_function_name, saved.captured_tensor.concrete_function}
    for function in functions:
        saves = is_of_second_version and function.signature.name not in called
        allowed = known | _SAVING if saves else known
        yield from (node.op for node in function.node_def if node.op not in allowed)
    yield from (node.op for node in meta.graph_def.node if node.op not in known)


def _called(node: Any) -> Iterator[str]:
    """Yields the names of the functions that a node calls."""
    yield node.op
    for value in node.attr.values():
        if value.HasField("func"):
            yield value.func.name
        yield from (function.name for function in value.list.func)


def _nodes(meta: MetaGraphDef) -> Iterator[Any]:
    yield from meta.graph_def.node
    for function in meta.graph_def.library.function:
        yield from function.node_def


def _declared(node: Any) -> int:
    """The bytes of a constant by its shape, which may be more than the file holds."""
    if "value" not in node.attr or not node.attr["value"].HasField("tensor"):
        return 0
    import tensorflow as tf

    tensor = node.attr["value"].tensor
    try:
        size = tf.as_dtype(tensor.dtype).size or 1
    except TypeError:  # no type of TensorFlow: the loader says so
        return 0
    return size * math.prod(max(0, side.size) for side in tensor.tensor_shape.dim)


_ONNX_DOMAINS = ("", "ai.onnx", "ai.onnx.ml")


def check_onnx_operators(path: Path) -> None:
    """Checks that an ONNX file holds all of its data and no operators but ONNX's own; nothing of it is run.

    Raises:
        UserError: The file cannot be read, or it is not trusted and does otherwise.
    """
    import onnx
    from google.protobuf.message import DecodeError

    if is_trusted():
        return
    try:
        foreign = _foreign_operators(onnx.ModelProto.FromString(regular_file(path).read_bytes()))
    except (OSError, DecodeError, UnicodeDecodeError, TypeError) as error:  # broken texts raise or are bytes
        raise UserError(f"model {quote(path)} is not an ONNX file, or it is damaged: {one_line(error)}") from None
    if foreign is None:
        raise UserError(
            f"model {quote(path)} has data in another file, and could name any file of this machine; add --trust "
            "if you trust whoever made it, or ask for it as one file"
        )
    refuse(path, foreign)


def _foreign_operators(model: ModelProto) -> set[str] | None:
    """The operators that are not ONNX's own; None where the file has data elsewhere."""
    import onnx

    own = {(function.domain, function.name) for function in model.functions}
    foreign: set[str] = set()
    for message in _messages(model):
        if isinstance(message, onnx.NodeProto):
            key = message.domain, message.op_type
            if message.domain not in _ONNX_DOMAINS and key not in own:
                foreign.add(".".join(key))
        elif isinstance(message, onnx.TensorProto) and (message.external_data or message.data_location):
            return None
    return foreign


def _messages(message: Any) -> Iterator[Any]:
    """Yields a protobuf message and all messages in it."""
    waiting = [message]
    while waiting:
        yield (one := waiting.pop())
        for field, value in one.ListFields():
            if field.message_type is not None:
                waiting += [value] if not hasattr(value, "append") else value
