"""Every figure of the book: one style, arrays in, a Matplotlib figure out, and no training anywhere.

Ink, grid and paper are fixed colours, which the site exchanges for its dark theme; data colours suit both.
Source: Okabe and Ito's palette for colours (okabe2008), the letters of chapter "network" for labels.
"""

from collections.abc import Mapping, Sequence
from itertools import pairwise

import matplotlib.pyplot as plt
import numpy as np
import seaborn as sns
from matplotlib.figure import Figure
from matplotlib.patches import Circle

from threelayer.spec import History, Params

INK, GRID, PAPER = "#1f2933", "#d5dae0", "#ffffff"
BLUE, ORANGE, PINK, GREEN, GREY = "#0072b2", "#d55e00", "#c2649a", "#009e73", "#78828c"
FRAMEWORK_COLORS = {"numpy": BLUE, "pytorch": ORANGE, "tensorflow": PINK, "jax": GREEN}
DIVERGING = "RdBu_r"  # for signed values, always centred at zero

X_LABELS = [r"$x_1$ (rad)", r"$x_2$ (rad)", r"$x_3$ (rad)"]
WIDTH = 6.4  # inches: the measure of the text


def color_of(implementation: str) -> str:
    """Return the colour of the framework that an implementation belongs to."""
    return FRAMEWORK_COLORS[implementation.split("_")[0]]


def use_style() -> None:
    """Set the book's style for every figure that follows, and vector output in notebooks."""
    sns.set_theme(
        context="paper",
        style="ticks",
        rc={
            "axes.edgecolor": INK,
            "axes.facecolor": "none",
            "axes.grid": True,
            "axes.labelcolor": INK,
            "axes.labelsize": 11,
            "axes.prop_cycle": plt.cycler(color=[BLUE, ORANGE, GREEN, PINK, GREY]),
            "axes.spines.right": False,
            "axes.spines.top": False,
            "axes.titlesize": 11,
            "figure.facecolor": "none",
            "figure.figsize": (WIDTH, 3.2),
            "figure.constrained_layout.use": True,
            "font.size": 11,
            "grid.color": GRID,
            "grid.linewidth": 0.6,
            "legend.fontsize": 10,
            "legend.frameon": False,
            "lines.linewidth": 1.6,
            "savefig.facecolor": "none",
            "svg.fonttype": "path",
            "svg.hashsalt": "one network, nine ways",  # the same figure gives the same bytes
            "text.color": INK,
            "xtick.color": INK,
            "xtick.labelsize": 10,
            "ytick.color": INK,
            "ytick.labelsize": 10,
        },
    )
    try:
        from matplotlib_inline.backend_inline import set_matplotlib_formats
    except ImportError:  # not in a notebook
        return
    set_matplotlib_formats("svg", metadata={"Date": None})


def slices(
    grid: np.ndarray, curves: Mapping[str, np.ndarray], ylabel: str = "$f$", truth: str | None = None
) -> Figure:
    """Draw functions along each input in turn, the other two held fixed.

    Parameters
    ----------
    grid : (m,), radians
    curves
        Label to values (3, m): row i follows input i. The one named `truth` is drawn in ink, dashed.
    """
    figure, axes = plt.subplots(1, 3, figsize=(WIDTH, 2.9), sharey=True)
    shades = [BLUE, PINK, ORANGE, GREEN, GREY]
    for i, axis in enumerate(axes):
        for (label, values), shade in zip(curves.items(), shades, strict=False):
            is_truth = label == truth
            color = INK if is_truth else shade
            axis.plot(grid, values[i], label=label, color=color, linestyle="--" if is_truth else "-")
        _pi_ticks(axis)
        axis.set_xlabel(X_LABELS[i])
    axes[0].set_ylabel(ylabel)
    if len(curves) > 1:
        figure.legend(*axes[0].get_legend_handles_labels(), loc="outside upper center", ncols=len(curves))
    return figure


def field(grid: np.ndarray, values: np.ndarray, xlabel: str, ylabel: str, zlabel: str) -> Figure:
    """Draw a signed function of two inputs as colour with contours; `values` (m, m) has y along its rows."""
    figure, axis = plt.subplots(figsize=(WIDTH * 0.75, 3.6))
    most = np.abs(values).max()
    mesh = axis.pcolormesh(
        grid, grid, values, cmap=DIVERGING, vmin=-most, vmax=most, shading="gouraud", rasterized=True
    )
    axis.contour(grid, grid, values, levels=9, colors=["#4a5560"], linewidths=0.6)
    _pi_ticks(axis)
    _pi_ticks(axis, "y")
    axis.set(xlabel=xlabel, ylabel=ylabel, aspect="equal")
    axis.grid(False)
    figure.colorbar(mesh, label=zlabel)
    return figure


def sobol_bars(exact: np.ndarray, estimate: np.ndarray, error: np.ndarray) -> Figure:
    """Draw Sobol indices, exact beside estimated with an error bar.

    Parameters
    ----------
    exact, estimate, error : (2, 3)
        Row 0 first-order, row 1 total; columns are the inputs. `error` is a half-width.
    """
    figure, axes = plt.subplots(1, 2, figsize=(WIDTH, 2.8), sharey=True)
    place = np.arange(3)
    for axis, title, e, m, s in zip(axes, ("first-order", "total"), exact, estimate, error, strict=True):
        axis.bar(place - 0.18, e, 0.34, color=BLUE, label="exact")
        axis.bar(place + 0.18, m, 0.34, color=ORANGE, yerr=s, ecolor=INK, capsize=3, label="estimated")
        axis.set_xticks(place, ["$x_1$", "$x_2$", "$x_3$"])
        axis.set(title=title, xlabel="input")
        axis.grid(False, axis="x")
    axes[0].set_ylabel("share of the variance")
    axes[0].legend(loc="upper right")
    return figure


def layers(letters: Sequence[str], widths: Sequence[int], names: Sequence[str]) -> Figure:
    """Draw the network: one column of units a letter, one bundle of weights between neighbours."""
    figure, axis = plt.subplots(figsize=(WIDTH, 3.1))
    columns = 2.4 * np.arange(len(widths))
    heights = [np.linspace(-1, 1, count) * (count - 1) / 4 for count in np.minimum(widths, 5)]
    for x, places, width, letter, name in zip(columns, heights, widths, letters, names, strict=True):
        for y in places:
            axis.add_patch(Circle((x, y), 0.1, facecolor=BLUE, edgecolor="none", zorder=2))
        if width > len(places):
            axis.text(x, -1.27, "⋮", ha="center", va="center")
        count = f"${letter}$ = 1 … {width}" if width > 1 else f"${letter}$ = 1"
        axis.text(x, -1.55, f"{name}\n{count}", ha="center", va="top")
    for layer, (left, right) in enumerate(pairwise(heights), start=1):
        ends = np.array([(a, b) for a in left for b in right]).T
        axis.plot(columns[layer - 1 : layer + 1], ends, color=GREY, linewidth=0.5, zorder=1)
        middle = columns[layer - 1 : layer + 1].mean()
        axis.text(middle, 1.3, rf"$W^{{({layer})}}$, $b^{{({layer})}}$", ha="center", color=ORANGE)
    axis.set(xlim=(-0.8, columns[-1] + 0.8), ylim=(-2.3, 1.6), aspect="equal")
    axis.axis("off")
    return figure


def functions(
    grid: np.ndarray, left: Mapping[str, np.ndarray], right: Mapping[str, np.ndarray], titles: tuple[str, str]
) -> Figure:
    """Draw two families of functions of one variable side by side, the same label in the same colour."""
    figure, axes = plt.subplots(1, 2, figsize=(WIDTH, 2.8))
    for axis, curves, title in zip(axes, (left, right), titles, strict=True):
        for (label, values), style in zip(curves.items(), ("-", "--", ":"), strict=False):
            axis.plot(grid, values, style, label=label)
        axis.set(title=title, xlabel="$z$")
    axes[0].legend()
    return figure


def loss_curves(histories: Mapping[str, History], noise_floor: float) -> Figure:
    """Draw training and validation loss by epoch on a logarithmic axis, with the noise floor.

    One history is drawn in two colours; several get the colours of their frameworks.
    """
    figure, axis = plt.subplots()
    for name, history in histories.items():
        frame = history.frame()
        color = color_of(name)
        axis.plot(frame["epoch"], frame["train_loss"], color=color, label=f"{name}, training")
        axis.plot(frame["epoch"], frame["val_loss"], color=INK, linewidth=0.8, label=f"{name}, validation")
    axis.axhline(noise_floor, color=GREEN, linestyle="--", label="noise floor")
    axis.set(yscale="log", xlabel="epoch", ylabel="mean squared error (standardised)")
    axis.legend()
    return figure


def predictions(y_true: np.ndarray, y_hat: np.ndarray, color: str = BLUE) -> Figure:
    """Draw predictions against the truth with the identity line, and the distribution of what is left.

    Parameters
    ----------
    y_true, y_hat : (n, 1), units of f
    """
    figure, axes = plt.subplots(1, 2, figsize=(WIDTH, 3.0))
    low, high = float(min(y_true.min(), y_hat.min())), float(max(y_true.max(), y_hat.max()))
    axes[0].plot([low, high], [low, high], color=INK, linewidth=1, linestyle="--", label="identity")
    axes[0].plot(
        y_true[:, 0],
        y_hat[:, 0],
        ".",
        color=color,
        markersize=2.5,
        alpha=0.5,
        rasterized=True,
        label="sample",
    )
    axes[0].set(xlabel=r"truth $f(x)$", ylabel=r"prediction $\hat y$ (units of $f$)", aspect="equal")
    axes[0].legend(loc="upper left", markerscale=4)
    residual = (y_hat - y_true)[:, 0]
    sns.histplot(x=residual, bins=60, ax=axes[1], color=color, edgecolor="none")
    axes[1].set(xlabel=r"residual $\hat y - f(x)$", ylabel="samples")
    return figure


def gradient_norms(epochs: np.ndarray, norms: Params) -> Figure:
    """Draw the norm of each weight gradient by epoch; `norms` holds one array (epochs,) a parameter."""
    figure, axis = plt.subplots()
    for name, color, style in (("W1", BLUE, "-"), ("W2", ORANGE, "--"), ("W3", GREEN, ":")):
        axis.plot(
            epochs, getattr(norms, name), style, color=color, label=rf"$\|\mathrm{{d}}W^{{({name[1]})}}\|$"
        )
    axis.set(yscale="log", xlabel="epoch", ylabel="norm of the gradient")
    axis.legend(ncols=3)
    return figure


def sweep(
    values: np.ndarray,
    results: np.ndarray,
    xlabel: str,
    ylabel: str,
    mark: float | None = None,
    floor: float | None = None,
) -> Figure:
    """Draw a quantity over a setting: median as a line, range over seeds as a band, NaN where runs diverged.

    Parameters
    ----------
    values : (m,)
    results : (seeds, m)
    mark
        The setting that the book uses, drawn as a vertical line.
    floor
        The noise floor, drawn as a horizontal line.
    """
    figure, axis = plt.subplots()
    diverged = np.isnan(results).any(axis=0)
    good = np.where(diverged, np.nan, results)
    if not diverged.all():
        axis.fill_between(values, good.min(axis=0), good.max(axis=0), color=BLUE, alpha=0.25, linewidth=0)
        axis.plot(values, np.median(good, axis=0), "o-", color=BLUE, label=f"median of {len(results)} seeds")
    axis.set_xscale("log", base=2)
    axis.set(yscale="log", xlabel=xlabel, ylabel=ylabel)
    for value in values[diverged]:
        axis.axvline(value, color=ORANGE, linestyle=":", label="diverged")
    if mark is not None:
        axis.axvline(mark, color=GREEN, linestyle="--", label="used in the book")
    if floor is not None:
        axis.axhline(floor, color=INK, linestyle="--", linewidth=1, label="noise floor")
    handles, labels = axis.get_legend_handles_labels()
    unique = dict(zip(labels, handles, strict=True))
    axis.legend(unique.values(), unique.keys())
    return figure


def _pi_ticks(axis: plt.Axes, which: str = "x") -> None:
    getattr(axis, f"set_{which}ticks")([-np.pi, 0, np.pi], [r"$-\pi$", "0", r"$\pi$"])


def deviation_matrix(names: Sequence[str], deviations: np.ndarray) -> Figure:
    """Draw the largest deviation between every two sets of weights, its power of ten as colour and number.

    Parameters
    ----------
    deviations : (m, m)
        Symmetric, zero on the diagonal; a zero is drawn as an empty cell.
    """
    figure, axis = plt.subplots(figsize=(WIDTH, 5.4))
    powers = np.where(deviations > 0, np.log10(np.where(deviations > 0, deviations, 1)), np.nan)
    sns.heatmap(
        powers,
        ax=axis,
        cmap="cividis",
        annot=True,
        fmt=".1f",
        annot_kws={"size": 9},
        linewidths=0.5,
        linecolor=GRID,
        xticklabels=names,
        yticklabels=names,
        cbar_kws={"label": r"$\log_{10}$ of the largest deviation"},
        square=True,
    )
    axis.grid(False)
    axis.tick_params(axis="x", rotation=60)
    plt.setp(axis.get_xticklabels(), ha="right", rotation_mode="anchor")
    return figure


def deviation_growth(
    steps: np.ndarray, deviations: Mapping[str, np.ndarray], bound: float, ylabel: str = "largest deviation"
) -> Figure:
    """Draw how far each implementation is from the reference by step, on logarithmic axes, with the bound."""
    figure, axis = plt.subplots(figsize=(WIDTH, 3.8))
    styles = ("-", "--", ":", "-.")
    seen: dict[str, int] = {}
    for name, values in deviations.items():
        color = color_of(name)
        style = styles[seen.setdefault(color, 0) % len(styles)]
        seen[color] += 1
        axis.plot(steps, values, style, color=color, linewidth=1.2, label=name)
    axis.axhline(bound, color=INK, linestyle="--", linewidth=1, label="bound")
    axis.set(xscale="log", yscale="log", xlabel="step", ylabel=ylabel)
    figure.legend(*axis.get_legend_handles_labels(), loc="outside lower center", ncols=2)
    return figure


def effects(labels: Sequence[str], on_weights: np.ndarray, on_error: np.ndarray) -> Figure:
    """Draw what each switch does to the final weights and to the test error, on logarithmic axes."""
    figure, axes = plt.subplots(1, 2, figsize=(WIDTH, 0.42 * len(labels) + 1.0), sharey=True)
    place = np.arange(len(labels))[::-1]
    for axis, values, color, xlabel in (
        (axes[0], on_weights, BLUE, "change of a weight"),
        (axes[1], on_error, ORANGE, "change of the error"),
    ):
        axis.plot(values, place, "o", color=color)
        axis.hlines(place, np.min(values[values > 0]) / 10, values, color=color, linewidth=2)
        axis.set(xscale="log", xlabel=xlabel, ylim=(-0.7, len(labels) - 0.3))
    axes[0].set_yticks(place, labels)
    return figure
