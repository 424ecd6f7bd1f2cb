# What the scripts that make small ONNX files share: a network written node by node, and cases of it
# with what ONNX Runtime makes of them, all optimisation off. Per case the file holds CASE/model (its
# bytes), CASE/in/I, CASE/y (output 0), and in the metadata what should become of it: kinds of nodes that
# must be there, kinds that must not, words of a note, or words of the refusal.
import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

import golden_file

golden = golden_file.File()
rng = np.random.default_rng(16)  # one sequence for each script
onnxruntime.set_default_logger_severity(3)


def weights(*shape, scale=0.4):
    return (rng.standard_normal(shape) * scale).astype(np.float32)


class Net:
    """Nodes one after the other; `last` is the value that the next one reads."""

    def __init__(self, shape, opset=20, names=("x",), types=(TensorProto.FLOAT,)):
        shapes = shape if isinstance(shape, tuple) else (shape,)
        self.inputs = [helper.make_tensor_value_info(n, t, s) for n, t, s in zip(names, types, shapes)]
        self.opset, self.nodes, self.constants, self.last, self.count = opset, [], [], names[0], 0
        self.functions, self.domains = [], []

    def const(self, value):
        self.count += 1
        name = f"c{self.count}"
        value = np.asarray(value)
        if value.dtype == np.float64:
            value = value.astype(np.float32)
        self.constants.append(numpy_helper.from_array(value, name))
        return name

    def add(self, op, *inputs, outputs=1, **attributes):
        self.count += 1
        names = [f"v{self.count}_{i}" for i in range(outputs)]
        inputs = [i if isinstance(i, str) else self.const(i) for i in (inputs or (self.last,))]
        self.nodes.append(helper.make_node(op, inputs, names, name=f"{op}_{self.count}", **attributes))
        self.last = names[0]
        return names[0] if outputs == 1 else names

    def conv(self, i, o, k=3, **attributes):
        return self.add("Conv", self.last, weights(o, i, k, k), weights(o), **attributes)

    def model(self, out=None):
        y = helper.make_tensor_value_info(self.last, TensorProto.FLOAT, out)
        graph = helper.make_graph(self.nodes, "g", self.inputs, [y], self.constants)
        opsets = [helper.make_opsetid("", self.opset)] + [helper.make_opsetid(d, 1) for d in self.domains]
        model = helper.make_model(graph, opset_imports=opsets, functions=self.functions)
        model.ir_version = 10 if self.opset > 9 else 4
        return model


def case(name, net, inputs=(), has=(), lacks=(), note="", refusal="", at_other_size=None, tolerance=1e-5):
    model = net if isinstance(net, onnx.ModelProto) else net.model()
    data = model.SerializeToString()
    golden.store(f"{name}/model", np.frombuffer(data, np.uint8))
    feeds = {}
    for i, info in enumerate(model.graph.input):
        if info.name in {t.name for t in model.graph.initializer}:
            continue
        shape = [d.dim_value for d in info.type.tensor_type.shape.dim]
        if at_other_size:
            shape = at_other_size
        value = inputs[i] if i < len(inputs) else golden.draw(f"{name}/in/{i}", shape)
        if i < len(inputs):
            golden.store(f"{name}/in/{i}", value)
        feeds[info.name] = value
    if not refusal:
        options = onnxruntime.SessionOptions()
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
        session = onnxruntime.InferenceSession(data, options)
        golden.store(f"{name}/y", session.run(None, feeds)[0])
    golden.cases.append({"name": name, "inputs": len(feeds), "has": list(has), "lacks": list(lacks), "note": note,
                         "refusal": refusal, "tolerance": tolerance})


IMAGE = [1, 3, 8, 12]
