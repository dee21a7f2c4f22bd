"""What training asks of the model: losses, activation checkpointing, compilation, initialisation."""

import pytest
import torch
import torch.nn.functional as F
from model_support import randomise, relative, tiny, tokens

from quantatissu.model import shape
from quantatissu.model.decoder import Decoder
from quantatissu.model.loss import cross_entropy, token_log_probabilities
from quantatissu.model.masks import build_mask


def by_definition(logits, targets, z_loss):
    counted = targets != -100
    losses = F.cross_entropy(logits.flatten(0, 1), targets.flatten(), reduction="none").view(targets.shape)
    z = logits.logsumexp(-1).square() * counted
    correct = (logits.argmax(-1) == targets) & counted
    return losses.sum() + z_loss * z.sum(), losses.sum(), z.sum(), correct.sum(), counted.sum()


@pytest.mark.parametrize("z_loss", [0.0, 0.05])
@pytest.mark.parametrize("chunk", [7, 1000])
def test_chunked_loss_and_gradients_are_exact(z_loss, chunk):
    generator = torch.Generator().manual_seed(0)
    hidden = torch.randn(2, 30, 16, dtype=torch.float64, generator=generator).requires_grad_()
    head = torch.randn(61, 16, dtype=torch.float64, generator=generator).requires_grad_()
    targets = tokens(2, 30)
    targets[1, 20:] = -100
    sums = cross_entropy(hidden, head, targets, z_loss=z_loss, chunk=chunk)
    expected = by_definition(hidden @ head.T, targets, z_loss)
    for got, wanted in zip(sums, expected, strict=True):
        assert float(got.detach()) == pytest.approx(float(wanted.detach()), rel=1e-12)
    for got, wanted in zip(
        torch.autograd.grad(3 * sums.objective, (hidden, head)),
        torch.autograd.grad(3 * expected[0], (hidden, head)),
        strict=True,
    ):
        assert relative(got, wanted) < 1e-12


@pytest.mark.parametrize("z_loss", [0.0, 1e-2])
def test_weights_scale_what_each_target_adds_to_the_objective(z_loss):
    generator = torch.Generator().manual_seed(0)
    hidden = torch.randn(1, 20, 8, dtype=torch.float64, generator=generator).requires_grad_()
    head = torch.randn(61, 8, dtype=torch.float64, generator=generator).requires_grad_()
    targets, weights = tokens(1, 20), torch.rand(1, 20, dtype=torch.float64, generator=generator)
    targets[0, 15:] = -100
    sums = cross_entropy(hidden, head, targets, weights=weights, z_loss=z_loss, chunk=6)
    alone = [
        cross_entropy(hidden[:, at : at + 1], head, targets[:, at : at + 1], z_loss=z_loss).objective
        for at in range(20)
    ]
    wanted = sum(weight * one for weight, one in zip(weights[0], alone, strict=True))
    assert float(sums.objective.detach()) == pytest.approx(float(wanted.detach()), rel=1e-12)
    assert float(sums.loss) == pytest.approx(float(cross_entropy(hidden, head, targets).loss), rel=1e-12)
    for mine, other in zip(
        torch.autograd.grad(sums.objective, (hidden, head)), torch.autograd.grad(wanted, (hidden, head)), strict=True
    ):
        assert relative(mine, other) < 1e-12


def test_a_tie_is_not_correct():
    head = torch.eye(4)
    hidden = torch.tensor([[[2.0, 2.0, 0.0, 0.0], [2.0, 1.0, 0.0, 0.0]]])
    assert int(cross_entropy(hidden, head, torch.tensor([[0, 0]])).correct) == 1


def test_only_what_is_asked_for_gets_a_gradient():
    hidden, head = torch.randn(1, 5, 8).requires_grad_(), torch.randn(61, 8)
    cross_entropy(hidden, head, tokens(1, 5)).objective.backward()
    assert hidden.grad is not None
    with torch.no_grad():
        assert float(cross_entropy(hidden, head, tokens(1, 5)).loss) > 0


def test_log_probabilities_of_single_tokens():
    hidden = torch.randn(2, 9, 8, dtype=torch.float64).requires_grad_()
    head = torch.randn(61, 8, dtype=torch.float64).requires_grad_()
    targets, weights = tokens(2, 9), torch.randn(2, 9)
    targets[0, 4] = -100
    got = token_log_probabilities(hidden, head, targets, chunk=4)
    assert got.dtype == torch.float64
    expected = (hidden @ head.T).log_softmax(-1).gather(2, targets.clamp(min=0)[..., None])[..., 0] * (targets != -100)
    assert torch.allclose(got, expected, atol=1e-12)
    for mine, wanted in zip(
        torch.autograd.grad((got * weights).sum(), (hidden, head)),
        torch.autograd.grad((expected * weights).sum(), (hidden, head)),
        strict=True,
    ):
        assert relative(mine, wanted) < 1e-12


@pytest.mark.parametrize("autocast", [False, True])
def test_recomputation_gives_the_same_gradients(autocast):
    model = Decoder(tiny())
    randomise(model)
    ids = tokens(2, 40)
    documents = torch.zeros(2, 40, dtype=torch.int32)
    documents[:, 25:] = 1

    def gradients(mode):
        model.set_recompute(mode)
        model.zero_grad()
        with torch.autocast("cpu", torch.bfloat16, enabled=autocast):
            hidden = model(ids, documents_BT=documents)
            cross_entropy(hidden, model.head_weight, ids).objective.backward()
        return [parameter.grad for parameter in model.parameters()]

    kept = gradients("none")
    for mode in ("selective", "full"):
        assert all(map(torch.equal, gradients(mode), kept)), mode


def test_recomputation_keeps_less():
    model = Decoder(tiny())
    ids = tokens(4, 64)

    def kept_bytes(mode):
        model.set_recompute(mode)
        sizes = {}

        def note(tensor):
            if tensor.untyped_storage().data_ptr() not in parameters:
                sizes[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
            return tensor

        parameters = {parameter.untyped_storage().data_ptr() for parameter in model.parameters()}
        with torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor):
            model(ids)
        return sum(sizes.values())

    none, full = kept_bytes("none"), kept_bytes("full")
    assert full < none / 3


def test_compiled_whole_it_computes_the_same():
    model = Decoder(tiny())
    randomise(model)
    ids = tokens(2, 40)
    documents = torch.zeros(2, 40, dtype=torch.int32)
    documents[:, 25:] = 1

    def objective(ids, documents):
        hidden = model(ids, documents_BT=documents)
        return cross_entropy(hidden, model.head_weight, ids, chunk=50).objective

    def gradients(function):
        model.zero_grad()
        function(ids, documents).backward()
        return [parameter.grad for parameter in model.parameters()]

    # The tracing is what can go wrong here; code generation is torch's own, and slow to test.
    compiled = gradients(torch.compile(objective, fullgraph=True, backend="aot_eager"))
    for got, wanted in zip(compiled, gradients(objective), strict=True):
        assert relative(got, wanted) < 1e-5


def test_a_mask_built_outside_is_used_by_a_compiled_model_and_not_compiled_again():
    model = Decoder(tiny())
    ids = tokens(1, 40)
    torch.compiler.reset()
    compiled = torch.compile(lambda ids, mask: model(ids, mask=mask), backend="eager")
    for cut in (10, 20, 30):
        documents = (torch.arange(40) >= cut).to(torch.int32)[None]
        with torch._dynamo.config.patch(error_on_recompile=cut > 10):
            out = compiled(ids, build_mask(documents))
        assert relative(out, model(ids, documents_BT=documents)) < 1e-5


def test_initialisation_is_scaled_and_seeded():
    config = shape("nano")
    torch.manual_seed(3)
    model = Decoder(config)
    states = model.state_dict()
    assert float(states["model.layers.1.mlp.up_proj.weight"].std()) == pytest.approx(0.02, rel=0.02)
    assert float(states["model.layers.1.mlp.down_proj.weight"].std()) == pytest.approx(0.02 / 8**0.5, rel=0.02)
    assert bool((states["model.norm.weight"] == 1).all())
    with torch.device("meta"):
        later = Decoder(config)
    later.to_empty(device="cpu")
    torch.manual_seed(3)
    later.initialise()
    assert all(torch.equal(states[name], parameter) for name, parameter in later.named_parameters())
    # At first every token is about as probable as every other.
    ids = torch.randint(0, 8192, (1, 64))
    sums = cross_entropy(model(ids), model.head_weight, ids.roll(-1))
    assert float(sums.loss / sums.tokens) == pytest.approx(torch.tensor(8192.0).log().item(), rel=0.03)
