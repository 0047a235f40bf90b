"""Parameters that are written once: the fields of a dataclass, and functions made from them."""

import inspect
import textwrap
from collections.abc import Callable, Iterator
from dataclasses import fields
from functools import update_wrapper
from typing import Any, Generic, ParamSpec, TypeVar, get_args, get_type_hints, overload

__all__ = ["Parameter", "parameters_of", "taking"]

Given = TypeVar("Given")
Checked = TypeVar("Checked")
Result = TypeVar("Result")
Parameters = ParamSpec("Parameters")

_WIDTH = 92


class Parameter(Generic[Given, Checked]):
    """A field of a dataclass that has a default, checks what it is given, and is documented.

    The annotation of the field tells both types: `Parameter[given, checked]`. On the class the
    field is its default, on an instance what the check has made of the value.

    Args:
        default: What counts where nothing is given.
        check: Takes the parameter's name and a value, returns the checked value or raises.
        text: One or more sentences on it.
        shell: The sentences for the command line where they differ.
        metavar: What stands for a value on the command line.
    """

    def __init__(
        self,
        default: Given,
        check: Callable[[str, object], Checked],
        text: str,
        *,
        shell: str = "",
        metavar: str = "",
    ) -> None:
        self.default = default
        self.check = check
        self.text = text
        self.shell = shell or text
        self.metavar = metavar

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name
        self.owner = owner

    @property
    def given(self) -> Any:  # noqa: ANN401
        """The type of the values that are given."""
        return get_args(get_type_hints(self.owner)[self.name])[0]

    @overload
    def __get__(self, instance: None, owner: type) -> Given: ...

    @overload
    def __get__(self, instance: object, owner: type) -> Checked: ...

    def __get__(self, instance: object | None, owner: type) -> Any:
        return self.default if instance is None else vars(instance)[self.name]

    def __set__(self, instance: object, value: Given) -> None:
        vars(instance)[self.name] = self.check(self.name, value)


def parameters_of(configuration: type) -> Iterator[Parameter[Any, Any]]:
    """The parameters of a dataclass in the order of its fields."""
    return (vars(configuration)[field.name] for field in fields(configuration))


def taking(
    configuration: Callable[Parameters, Given],
) -> Callable[[Callable[[Given], Result]], Callable[Parameters, Result]]:
    """Let a function of a configuration take the parameters of it instead.

    Its signature and its docstring list them, the latter before `Returns:`.

    Args:
        configuration: A dataclass with a `Parameter` in every field.
    """

    def decorate(function: Callable[[Given], Result]) -> Callable[Parameters, Result]:
        signature = _signature(configuration, inspect.signature(function).return_annotation)

        def made(*args: Parameters.args, **kwargs: Parameters.kwargs) -> Result:
            signature.bind(*args, **kwargs)  # its errors do not name the configuration
            return function(configuration(*args, **kwargs))

        update_wrapper(made, function)
        del made.__wrapped__  # type: ignore[attr-defined]
        made.__signature__ = signature  # type: ignore[attr-defined]
        made.__annotations__ = {
            **{name: parameter.annotation for name, parameter in signature.parameters.items()},
            "return": signature.return_annotation,
        }
        made.__doc__ = _with_arguments(function.__doc__ or "", configuration)
        return made

    return decorate


def _signature(configuration: Any, result: object) -> inspect.Signature:  # noqa: ANN401
    kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
    return inspect.Signature(
        [
            inspect.Parameter(each.name, kind, default=each.default, annotation=each.given)
            for each in parameters_of(configuration)
        ],
        return_annotation=result,
    )


def _with_arguments(docstring: str, configuration: Any) -> str:  # noqa: ANN401
    head, end, tail = inspect.cleandoc(docstring).partition("Returns:\n")
    entries = (f"{each.name}: {each.text}" for each in parameters_of(configuration))
    return f"{head}Args:\n{_indented(entries)}\n\n{end}{tail}"


def _indented(entries: Iterator[str]) -> str:
    return "\n".join(
        textwrap.fill(entry, _WIDTH, initial_indent=" " * 4, subsequent_indent=" " * 8)
        for entry in entries
    )
