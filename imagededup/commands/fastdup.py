"""`imagededup fastdup`: the runner over a work folder, with the parameters of fastdup."""

import inspect
from typing import Annotated, Any

import typer

from imagededup.commands.reading import Reading, reads_images
from imagededup.fastdup.config import RunConfig
from imagededup.fastdup.declaration import Parameter, parameters_of

__all__ = ["fastdup"]

_ARGUMENT = "input_dir"


def fastdup(**parameters: Any) -> None:  # noqa: ANN401
    """Extract features into a work folder and find similarities, outliers and components.

    \b
    Examples:
      imagededup fastdup photos --work_dir=work
      imagededup fastdup photos --work_dir=work --run_mode=1 --max_offset=1000
      imagededup fastdup --work_dir=work --run_mode=2 --threshold=0.9
    """
    from imagededup.fastdup.run import run

    reading: Reading = parameters.pop("reading")
    if parameters[_ARGUMENT] is not None and reading.chooses:
        parameters[_ARGUMENT] = reading.sources(parameters[_ARGUMENT])
    raise typer.Exit(run(**parameters))


def _option(parameter: Parameter[Any, Any]) -> inspect.Parameter:
    """A parameter of the runner as one of the command, as Typer reads it."""
    default = parameter.default
    kind = str if default is None else type(default)
    common: dict[str, Any] = {
        "help": parameter.shell,
        "show_default": not isinstance(default, bool) and default not in (None, "", -1),
    }
    if parameter.name == _ARGUMENT:
        declared = typer.Argument(metavar=parameter.metavar, **common)
    else:
        metavar = None if kind is bool else parameter.metavar
        declared = typer.Option(f"--{parameter.name}", metavar=metavar, **common)
    return inspect.Parameter(
        parameter.name,
        inspect.Parameter.KEYWORD_ONLY,
        default=default,
        annotation=Annotated[kind | None if default is None else kind, declared],
    )


fastdup.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
    [_option(parameter) for parameter in parameters_of(RunConfig)], return_annotation=None
)
fastdup = reads_images(fastdup, without=["cache"])
