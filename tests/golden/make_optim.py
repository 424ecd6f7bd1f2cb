# Makes optim.safetensors: parameters after each of four steps of Adam (with and without coupled weight
# decay), of SGD with momentum, and of SGD followed by the L1 proximal step, by PyTorch in float64. Per case:
# CASE/start, CASE/grad/STEP, CASE/after/STEP. Run: python3 make_optim.py    (PyTorch 1.13, numpy)

import torch

import golden_file

torch.manual_seed(4711)
golden = golden_file.File()
STEPS = 4


def case(name, op, params, start, make, after_step=lambda p: None, gradients=None):
    p = start.float().double().clone().requires_grad_(True)
    golden.store(f"{name}/start", p.detach().clone())
    optimizer = make([p])
    for step in range(STEPS):
        g = (torch.randn(start.shape) if gradients is None else gradients[step]).float().double()
        p.grad = g.clone()
        optimizer.step()
        with torch.no_grad():
            after_step(p)
        golden.store(f"{name}/grad/{step}", g)
        golden.store(f"{name}/after/{step}", p.detach().clone())
    golden.cases.append({"name": name, "op": op, "params": {**params, "steps": STEPS}})


for tag, shape, lr, beta1, beta2, decay in (("filter", (5, 3, 3, 3), 0.05, 0.5, 0.999, 0.0),
                                            ("filter_decay", (3, 7, 3, 3), 0.05, 0.5, 0.999, 1e-3),
                                            ("vector_strong_decay", (33,), 0.02, 0.9, 0.99, 0.3)):
    case(f"adam/{tag}", "adam", {"lr": lr, "beta1": beta1, "beta2": beta2, "eps": 1e-8, "weight_decay": decay},
         torch.randn(shape), lambda p: torch.optim.Adam(p, lr, (beta1, beta2), 1e-8, decay))
for tag, shape, momentum in (("plain", (7, 3), 0.0), ("momentum", (33,), 0.5)):
    case(f"sgd/{tag}", "sgd", {"lr": 0.1, "momentum": momentum}, torch.randn(shape),
         lambda p: torch.optim.SGD(p, 0.1, momentum))


def prox(threshold):
    return lambda p: p.copy_(torch.sign(p) * torch.clamp(p.abs() - threshold, min=0))


# Scales within a few thresholds of zero, of both signs: some die, some revive, some stay.
rho, lr = 0.05, 0.1
start = torch.linspace(-6, 6, 33).roll(7) * rho * lr
case("prox/mixed", "sgd_prox", {"lr": lr, "momentum": 0.5, "rho": rho}, start,
     lambda p: torch.optim.SGD(p, lr, 0.5), prox(rho * lr), [torch.randn(33) * 0.08 for _ in range(STEPS)])
golden.write("optim.safetensors")
