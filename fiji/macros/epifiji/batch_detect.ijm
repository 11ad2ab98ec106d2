// Finds the events of every movie in a folder, one after the other, and goes on where an earlier run stopped.
//
// The argument is one text: input=[folder of movies] out=[folder of results], and whatever else the command
// Detect Epithelial Events... takes, such as network=notum_all cell_diameter=25 overwrite. Where it is empty a dialog asks.
//
// Movies are the TIFF files (.tif, .tiff) that lie in the folder itself; other files are left alone. A movie that has
// complete results is skipped, unless overwrite is given. Where a movie fails the others are done all the same: the end
// says which failed and why, and without a window the exit code is then not 0.

var ONE_VALUE = "(?:=(?:\\[(.*?)\\](?=\\s|$)|(?!\\[)(\\S*)))?";
var OTHERS = "(?s)((?:\\w+(?:=(?:(?>\\[.*?\\](?=\\s|$))|(?!\\[)\\S*))?(?:\\s+|$))*?)";

given = String.trim(getArgument());
if (given == "" && isHeadless())
    fail("Which movies? The macro needs an argument: input=[folder of movies] out=[folder for the results].");
if (given == "")
    given = asked();
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
    fail("The folder " + input + " does not exist, but input is to be the folder of the movies: check the path.");
overwrite = has(given, "overwrite") && !matches(value(given, "overwrite"), "(?i)false");
settings = without(without(without(given, "input"), out), "keep_going");
files = moviesIn(input);
if (files.length == 0)
    fail("The folder " + input + " holds no movies (.tif, .tiff): give the folder in which they lie.");

seen = "/";
failures = "";
done = 0;
skipped = 0;
failed = 0;
i = 0;
// Not a for loop: where a command's error ends the macro in one, ImageJ forgets what the error was.
while (i < files.length) {
    movie = replace(files[i], "(?i)(\\.ome)?\\.tiff?$", "");
    results = output + "/" + movie + "_epifiji";
    line = "EpiFiji: movie " + (i + 1) + " of " + files.length + ", " + files[i] + ": ";
    // File systems may take a.tif and A.tiff for the same name.
    twin = indexOf(seen, "/" + toLowerCase(movie) + "/") >= 0;
    seen = seen + toLowerCase(movie) + "/";
    if (!twin && !overwrite && File.exists(results + "/run.json")) {
        skipped++;
        print(line + "skipped, as its results are there");
    } else {
        problem = "";
        if (twin)
            problem = "An earlier movie has this name too, so both would have the results " + results + ": rename one.";
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

function asked() {
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

// Parameters are read as the command reads its own; what is left over goes on to the command, which checks it.
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
        if (matches(names[i], "(?i)[^.].*\\.tiff?"))
            movies = Array.concat(movies, names[i]);
    return movies;
}

function detectEvents(path, output, settings) {
    // The command empties this when it begins, so that one that does not even begin is no success.
    call("java.lang.System.setProperty", "epifiji.error", "The command did not run: see the console.");
    run("Detect Epithelial Events...", "input=[" + path + "] out=[" + output + "] keep_going " + settings);
}

function endCancelled(line, left) {
    print(line + "cancelled; " + left + " movies after it were not begun");
    if (isHeadless())
        run("Stop EpiFiji Engine", "exit_code=130");
    exit();
}

// The command ends a process without a window, and inside Python the macro; with a window a box tells of it.
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
