"""EpiFiji's scripts as menu commands of the embedded ImageJ; in Fiji, SciJava makes commands of the same files."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from epifiji.bridge.resources import resource_folder

MENU_PATH = ("scripts", "Plugins", "EpiFiji")
PLUGIN = "ij.plugin.EpiFijiCommand"
PROPERTY = "epifiji.script"
OWN_COMMANDS = "epifiji.commands"
"""The property by which scripts distinguish this ImageJ from a Fiji."""

FORMER_LABELS = {"Show Event Probability Maps": "Show Event Probability Maps..."}
"""Former labels of commands. Macros that use them run in the ImageJ that EpiFiji starts."""


def script_files() -> dict[str, Path]:
    """Return EpiFiji's scripts by their labels: the file's name without its extension, with spaces for underscores.

    The folder of a script is its submenu, as in Fiji.
    """
    folder = resource_folder("fiji").joinpath(*MENU_PATH)
    return {path.name.removesuffix(".py").replace("_", " "): path for path in sorted(folder.rglob("*_*.py"))}


def client_folder() -> Path:
    """Return the folder of the Jython modules that the scripts import."""
    return resource_folder("jars") / "Lib"


def add_commands(window: bool) -> None:
    """Make every script a command of ImageJ, for macros and the recorder.

    With a window, also an item of Plugins > EpiFiji.
    """
    from scyjava import jimport

    scripts = script_files()
    _define_plugin()
    jimport("java.lang.System").setProperty(OWN_COMMANDS, "true")
    menus = jimport("ij.Menus")
    if menus.getCommands() is None:
        jimport("ij.IJ").runMacro("")  # Without a window ImageJ reads its commands at first use.
    for label, path in scripts.items():
        jimport("java.lang.System").setProperty(f"{PROPERTY}.{label}", str(path))
        menus.getCommands().put(label, f'{PLUGIN}("{label}")')
    for former, label in FORMER_LABELS.items():
        menus.getCommands().put(former, f'{PLUGIN}("{label}")')
    if window:
        _add_menu(scripts)


def _define_plugin() -> None:
    """Define the plugin class through which ImageJ runs a script; ImageJ finds plugins by their class name.

    No Python code runs in between, so a dialog may stay open while Python ends.
    """
    from scyjava import jimport

    pool = jimport("javassist.ClassPool").getDefault()
    pool.appendClassPath(jimport("javassist.LoaderClassPath")(jimport("ij.IJ").class_.getClassLoader()))
    plugin = pool.makeClass(PLUGIN)
    plugin.addInterface(pool.get("ij.plugin.PlugIn"))
    body = f"""public void run(String label) {{
        org.python.util.PythonInterpreter interpreter = new org.python.util.PythonInterpreter();
        interpreter.getSystemState().dont_write_bytecode = true;
        try {{
            interpreter.execfile(System.getProperty("{PROPERTY}." + label));
        }} catch (RuntimeException error) {{
            if (error.toString().indexOf(ij.Macro.MACRO_CANCELED) >= 0)
                throw new RuntimeException(ij.Macro.MACRO_CANCELED);
            throw error;
        }} finally {{
            interpreter.cleanup();
        }}
    }}"""
    plugin.addMethod(jimport("javassist.CtNewMethod").make(body, plugin))
    plugin.toClass(jimport("ij.plugin.Macro_Runner").class_)


def _add_menu(scripts: Mapping[str, Path]) -> None:
    from scyjava import jimport

    imagej = jimport("ij.IJ").getInstance()
    bar = jimport("ij.Menus").getMenuBar()
    plugins = next(bar.getMenu(i) for i in range(bar.getMenuCount()) if str(bar.getMenu(i).getLabel()) == "Plugins")
    menus = {MENU_PATH[-1]: plugins.add(jimport("java.awt.Menu")(MENU_PATH[-1]))}
    for label, path in scripts.items():
        submenu = path.parent.name
        if submenu not in menus:
            menus[submenu] = menus[MENU_PATH[-1]].add(jimport("java.awt.Menu")(submenu))
        item = jimport("java.awt.MenuItem")(label)
        item.addActionListener(imagej)
        menus[submenu].add(item)
