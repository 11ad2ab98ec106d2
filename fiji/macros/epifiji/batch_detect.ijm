// Detects the events of all movies in a folder, one after the other, and continues an interrupted run.
//
// The argument is one text: input=[folder of movies] out=[folder for the results], followed by parameters of the command
// Detect Epithelial Events..., such as network=notum_all cell_diameter=25 overwrite. Without an argument a dialog asks.
//
// Movies are the TIFF files (.tif, .tiff) and Zarr folders (.zarr) in the folder itself; other files are ignored. A movie with
// complete results is skipped, unless overwrite is given. If a movie fails, the macro continues with the others. At the end it
// reports which movies failed and why; without a window the exit code is then not 0.

var ONE_VALUE = "(?:=(?:\\[(.*?)\\](?=\\s|$)|(?!\\[)(\\S*)))?";
var OTHERS = "(?s)((?:\\w+(?:=(?:(?>\\[.*?\\](?=\\s|$))|(?!\\[)\\S*))?(?:\\s+|$))*?)";

given = String.trim(getArgument());
if (given == "" && isHeadless())
    fail("Which movies? The macro needs an argument: input=[folder of movies] out=[folder for the results].");
if (given == "")
    given = ask();
if (!matches(given, OTHERS))
    fail("The parameters '" + given + "' cannot be read: write key=value, with [ ] around values that have spaces.");
input = value(given, "input");
out = "out";
if (!has(given, out))
    out = "output";  // its older name
output = value(given, out);
if (input == "" || output == "")
    fail("Two folders are needed, but '" + given + "' lacks one: write input=[folder of movies] out=[for the results].");
if (!File.isDirectory(input))
    fail("The folder " + input + " does not exist, but input must be the folder of the movies: check the path.");
overwrite = has(given, "overwrite") && !matches(value(given, "overwrite"), "(?i)false");
settings = without(without(without(given, "input"), out), "keep_going");
files = moviesIn(input);
if (files.length == 0)
    fail("The folder " + input + " contains no movies (.tif, .tiff, .zarr): give the folder with the movies.");

seen = "/";
failures = "";
done = 0;
skipped = 0;
failed = 0;
i = 0;
// Not a for loop: if a command's error ends the macro inside one, ImageJ loses the error message.
while (i < files.length) {
    movie = replace(files[i], "(?i)(\\.ome)?\\.(tiff?|zarr)$", "");
    results = output + "/" + movie + "_epifiji";
    line = "EpiFiji: movie " + (i + 1) + " of " + files.length + ", " + files[i] + ": ";
    // On some file systems a.tif and A.tiff are the same name.
    twin = indexOf(seen, "/" + toLowerCase(movie) + "/") >= 0;
    seen = seen + toLowerCase(movie) + "/";
    if (!twin && !overwrite && File.exists(results + "/run.json")) {
        skipped++;
        print(line + "skipped, as its results exist");
    } else {
        problem = "";
        if (twin)
            problem = "An earlier movie has the same name, so both would have the results " + results + ": rename one.";
        else if (matches(files[i], "(?s).*\\]\\s.*"))
            problem = "A macro cannot pass on a name with a ] before a space: rename the file.";
        else {
            detectEvents(input + "/" + files[i], output, settings);
            problem = call("java.lang.System.getProperty", "epifiji.error", "");
        }
        if (startsWith(problem, "It was cancelled"))
            endCancelled(line, files.length - i - 1);
        if (problem == "") {
            done++;
            print(line + "done");
        } else {
            failed++;
            failures = failures + "\n    " + files[i] + ": " + problem;
            print(line + "failed");
        }
    }
    i++;
}
print("EpiFiji: " + done + " done, " + skipped + " skipped, " + failed + " failed; results are in " + output + failures);
if (failed > 0)
    run("Stop EpiFiji Engine", "exit_code=1");
else
    run("Stop EpiFiji Engine", "");

function ask() {
    Dialog.create("Detect Epithelial Events in a Folder");
    Dialog.addDirectory("Movies", "");
    Dialog.addDirectory("Results", "");
    Dialog.addString("Settings", "", 40);
    Dialog.addMessage("Settings are written as in a macro, such as cell_diameter=25 overwrite.");
    Dialog.show();
    movies = Dialog.getString();
    results = Dialog.getString();
    return "input=[" + movies + "] out=[" + results + "] " + Dialog.getString();
}

// Parameters are read as the command reads them. The remaining ones are passed on to the command, which checks them.
function has(given, key) {
    return matches(given, OTHERS + key + ONE_VALUE + "(?:\\s.*)?");
}

function value(given, key) {
    if (!has(given, key))
        return "";
    return replace(given, "^" + OTHERS + key + ONE_VALUE + "(?:\\s.*)?$", "$2$3");
}

function without(given, key) {
    return replace(given, "^" + OTHERS + key + ONE_VALUE + "(?:\\s+(.*))?$", "$1$4");
}

function moviesIn(folder) {
    names = Array.sort(getFileList(folder));
    movies = newArray(0);
    for (i = 0; i < names.length; i++)
        if (matches(names[i], "(?i)[^.].*\\.(tiff?|zarr/)"))
            movies = Array.concat(movies, replace(names[i], "/$", ""));
    return movies;
}

function detectEvents(path, output, settings) {
    // The command clears this when it starts, so that a command that never starts counts as a failure.
    call("java.lang.System.setProperty", "epifiji.error", "The command did not run: see the console.");
    run("Detect Epithelial Events...", "input=[" + path + "] out=[" + output + "] keep_going " + settings);
}

function endCancelled(line, left) {
    print(line + "cancelled; " + left + " movies after it were not started");
    if (isHeadless())
        run("Stop EpiFiji Engine", "exit_code=130");
    exit();
}

// Without a window the command ends the process or, inside Python, the macro. With a window a message box shows the sentence.
function fail(sentence) {
    if (isHeadless()) {
        print("EpiFiji: " + sentence);
        run("Stop EpiFiji Engine", "exit_code=2");
    }
    exit(sentence);
}

function isHeadless() {
    return matches(call("java.awt.GraphicsEnvironment.isHeadless"), "true");
}
