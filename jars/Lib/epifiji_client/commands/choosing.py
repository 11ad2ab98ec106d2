"""The chooser of files and folders behind the button Browse of a dialog's field (Jython 2.7)."""
from ij.io import OpenDialog
from java.awt import Button
from java.awt.event import ActionListener
from java.io import File
from javax.swing import JFileChooser

from epifiji_client.screen.windows import enlarged


def buttons_of(field):
    """Return the button Browse beside a text field, in a list."""
    return [part for part in field.getParent().getComponents() if isinstance(part, Button)]


def let_choose_files_and_folders(field, title):
    """Let the button Browse of a field choose files and folders.

    ImageJ's own choose only one of both, but results may be a folder or a file, and a movie may be a Zarr folder.
    """
    for button in buttons_of(field):
        for listener in button.getActionListeners():
            button.removeActionListener(listener)
        button.addActionListener(_Browse(field, title))


class _Browse(ActionListener):
    def __init__(self, field, title):
        self.field, self.title = field, title

    def actionPerformed(self, event):
        chosen = File(self.field.getText().strip())
        chooser = JFileChooser(chosen.getParent() if chosen.exists() and chosen.getParent() else OpenDialog.getDefaultDirectory())
        chooser.setDialogTitle(self.title)
        chooser.setFileSelectionMode(JFileChooser.FILES_AND_DIRECTORIES)
        if chosen.exists():
            chooser.setSelectedFile(chosen)
        if enlarged(chooser).showDialog(self.field, "Choose") == JFileChooser.APPROVE_OPTION:
            self.field.setText(chooser.getSelectedFile().getPath())
