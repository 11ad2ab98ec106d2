"""IJ macros and Jython scripts run from Python. Their failures are raised as Python exceptions."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from epifiji.bridge.imagej.errors import ImageJError, java_errors, java_message
from epifiji.bridge.imagej.guards import error_boxes_closed, in_one_line, watched
from epifiji.data.errors import WrongInputError

SCRIPT_NAME = "script.py"
LAST_ERROR = "epifiji.error"
"""The property in which EpiFiji's commands leave their error message; it is empty if there was no error."""

PLAIN = ("Boolean", "Character", "Number", "String")


def run_macro(code: str, argument: str, headless: bool) -> str:
    """Run the code of an IJ macro; see :meth:`ImageJ.run_macro`."""
    from scyjava import jimport

    interpreter = jimport("ij.macro.Interpreter")()
    system = jimport("java.lang.System")
    system.clearProperty(LAST_ERROR)
    with watched("a macro") as reported, error_boxes_closed(headless):
        value, reason = _interpret(interpreter, code, argument)
    message = interpreter.getErrorMessage()
    # If a command of EpiFiji ended the macro inside a loop, the interpreter reports a syntax error of the loop instead.
    own = system.getProperty(LAST_ERROR) if message is not None else None
    reason = reason or (in_one_line(own or message) if message is not None else next(iter(reported), None))
    if reason:
        raise ImageJError(f"The macro failed{_line_of(interpreter)}: {reason}.")
    return "" if value is None else str(value)


def _interpret(interpreter: Any, code: str, argument: str) -> tuple[Any, str | None]:
    """Return the macro's value, and the reason if an exception or ``exit("why")`` ended it."""
    import jpype
    from scyjava import jimport

    try:
        return interpreter.run(code, argument), None
    except jpype.JException as error:
        interpreter.abortMacro()
        _forget_interpreter()
        image = jimport("ij.WindowManager").getCurrentImage()
        if image is not None:
            image.unlock()
        if interpreter.getErrorMessage() is not None:
            return None, None
        if str(error.getMessage()) == str(jimport("ij.Macro").MACRO_CANCELED):
            return None, _reason_to_cancel(interpreter)
        if str(error.getClass().getSimpleName()) == "HeadlessException":
            return None, "it needs a window, as the ROI Manager does; open ImageJ with headless=False"
        return None, java_message(error)


def _forget_interpreter() -> None:
    """Make ImageJ forget the macro that stopped; otherwise that macro would receive the next one's error messages."""
    from scyjava import jimport

    field = jimport("ij.IJ").class_.getDeclaredField("macroInterpreter")
    field.setAccessible(True)
    field.set(None, None)


def _field(interpreter: Any, name: str) -> Any:
    """Read a field of the interpreter for which there is no public method."""
    field = interpreter.getClass().getDeclaredField(name)
    field.setAccessible(True)
    return field.get(interpreter)


def _line_of(interpreter: Any) -> str:
    """Return the line of the error as part of a sentence; an empty string if the interpreter did not record one."""
    line = int(_field(interpreter, "lineNumber"))
    return f" in line {line}" if line > 0 else ""


def _reason_to_cancel(interpreter: Any) -> str | None:
    """Return why a macro was cancelled; None for a plain ``exit``, which is a normal end."""
    program, position = _field(interpreter, "pgm"), int(_field(interpreter, "pc"))
    words = [str(program.decodeToken(token)) for token in list(program.getCode())[: position + 1]]
    if "exit" not in words:
        return "it was cancelled"
    argument = words[len(words) - words[::-1].index("exit") :]
    if argument in ([], ["(", ")"]):
        return None
    if argument[0] != "(" or argument[-1] != ")":
        return "it was cancelled"
    return in_one_line(_evaluated(interpreter, argument[1:-1]))


def _evaluated(interpreter: Any, words: list[str]) -> str:
    """Evaluate a concatenation of strings, numbers and variables; return any other expression as it is in the macro."""
    parts = []
    for word in words:
        text, number = interpreter.getStringVariable(word), float(interpreter.getVariable2(word))
        if word.startswith('"'):
            parts.append(word[1:-1])
        elif text is not None:
            parts.append(str(text))
        elif not math.isnan(number):
            parts.append(f"{number:g}")
        elif word != "+":
            return f"exit({' '.join(words)})"
    return "".join(parts)


def run_script(context: Any, script: str | Path, parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Run a Jython script; see :meth:`ImageJ.run_script`."""
    from scyjava import jimport

    name, code = _source(script)
    with java_errors(f"Reading the script {name}"):
        reader = jimport("java.io.StringReader")(code)
        module = jimport("org.scijava.script.ScriptInfo")(context, name, reader).createModule()
        context.inject(module)
    _set_inputs(context, module, name, parameters)
    return _evaluate(module, name)


def _source(script: str | Path) -> tuple[str, str]:
    """Return the name and the code of a script that is a path or the code itself."""
    if isinstance(script, str) and ("\n" in script or not script.endswith(".py")):
        return SCRIPT_NAME, script
    try:
        return str(script), Path(script).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise WrongInputError(
            f"The script {script} cannot be read ({error}), but a Jython file in UTF-8 is needed: check the path."
        ) from None


def _set_inputs(context: Any, module: Any, name: str, parameters: Mapping[str, Any]) -> None:
    """Set a script's parameters from the given values and the script's defaults, never from an earlier run."""
    inputs = {str(item.getName()): item for item in module.getInfo().inputs()}
    unknown = sorted(set(parameters) - set(inputs))
    if unknown:
        raise WrongInputError(
            f"The script {name} was given {', '.join(unknown)}, but its parameters are "
            f"{', '.join(inputs) or 'none'}: check the names."
        )
    for key, value in parameters.items():
        module.setInput(key, _converted(context, inputs[key], value, name))
        module.resolveInput(key)
    _set_services(context, module)
    open_inputs = [item for key, item in inputs.items() if not module.isInputResolved(key)]
    missing = [str(item.getName()) for item in open_inputs if item.isRequired() and item.getDefaultValue() is None]
    if missing:
        raise WrongInputError(
            f"The script {name} needs a value for {', '.join(missing)}, but none was given: give one by name."
        )
    for item in open_inputs:
        module.setInput(item.getName(), item.getDefaultValue())


def _set_services(context: Any, module: Any) -> None:
    """Run only those SciJava preprocessors that provide services, not those that remember values or ask for them."""
    from scyjava import jimport

    for kind in ("Service", "Gateway", "Logger"):
        processor = jimport(f"org.scijava.module.process.{kind}Preprocessor")()
        context.inject(processor)
        processor.process(module)


def _converted(context: Any, item: Any, value: Any, name: str) -> Any:
    """Convert a value to the type that the script declares; refuse a value that the conversion would change."""
    from scyjava import to_java

    given = os.fspath(value) if isinstance(value, os.PathLike) else value
    java_value = to_java(given.item() if hasattr(given, "item") else given)
    service = context.service("org.scijava.convert.ConvertService")
    converted = service.convert(java_value, item.getType())
    back = _plain(converted)
    changed = isinstance(given, int | float) and isinstance(back, int | float) and back != given
    choices = [str(choice) for choice in item.getChoices() or ()]
    if converted is None or changed or (choices and str(converted) not in choices):
        expected = " or ".join(choices) or str(item.getType().getSimpleName())
        raise WrongInputError(
            f"The script {name} was given {item.getName()} = {value!r}, but {expected} is expected: give one."
        )
    return converted


def _evaluate(module: Any, name: str) -> dict[str, Any]:
    """Run the script's engine directly, because SciJava's runner only logs its exceptions."""
    import jpype
    from scyjava import jimport

    info, engine = module.getInfo(), module.getEngine()
    engine.put(jimport("javax.script.ScriptEngine").FILENAME, info.getPath())
    engine.put("org.scijava.script.ScriptModule", module)
    for item in info.inputs():
        engine.put(item.getName(), module.getInput(item.getName()))
    with watched(f"the script {name}") as reported:
        try:
            engine.eval(info.getProcessedScript())
        except jpype.JException as error:
            raise _script_error(error, name) from None
    if reported:
        raise ImageJError(f"The script {name} failed: {reported[0]}.")
    outputs = (str(item.getName()) for item in info.outputs())
    language = info.getLanguage()
    return {key: _plain(language.decode(engine.get(key))) for key in outputs if key != "result" or engine.get(key)}


def _script_error(error: Any, name: str) -> ImageJError:
    """Make an error with the last line of Jython's traceback as its sentence, and the whole traceback in its notes."""
    while error.getCause() is not None and str(error.getClass().getSimpleName()) == "ScriptException":
        error = error.getCause()
    lines = [line for line in str(error.toString()).splitlines() if line.strip()]
    reason = lines[-1].strip().rstrip(".") if lines else java_message(error)
    failure = ImageJError(f"The script {name} failed: {reason}.")
    if len(lines) > 1:
        failure.add_note("\n".join(lines))
    return failure


def _plain(value: Any) -> Any:
    """Convert Java's strings, numbers, booleans and their collections to Python's; return other objects unchanged."""
    from scyjava import jinstance, to_python

    if jinstance(value, "java.util.Map"):
        return {_plain(key): _plain(value.get(key)) for key in value.keySet()}
    if jinstance(value, "java.util.Collection"):
        return [_plain(item) for item in value]
    return to_python(value) if any(jinstance(value, f"java.lang.{kind}") for kind in PLAIN) else value
