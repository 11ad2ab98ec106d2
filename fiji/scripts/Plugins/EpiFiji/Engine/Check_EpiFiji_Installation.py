"""Plugins > EpiFiji > Engine > Check EpiFiji Installation: reports what is installed, what is wrong with it, and what to do."""
from ij import IJ
from ij.text import TextWindow
from java.awt import GraphicsEnvironment

from epifiji_client.commands.run import call, command, report


def check(parameters):
    findings = call("diagnose", {"fiji": IJ.getDirectory("imagej")})["findings"]
    lines = ["\t".join((one["state"], one["name"], one["what"], one["do"])) for one in findings]
    if GraphicsEnvironment.isHeadless():
        for line in lines:
            report(line.replace("\t", "  "))
    else:
        TextWindow("EpiFiji Installation", "state\twhat\tfound\twhat to do", "\n".join(lines), 900, 300)


command("Check EpiFiji Installation", check)
