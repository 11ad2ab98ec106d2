// Shows each event of a movie as crops over time, and asks whether to keep it: y keeps, n rejects, Esc undoes or stops.
//
// The argument is one text, such as: movie=[file] rois=[zip] before=6 after=6 half_size=25 zoom=4 overwrite. The defaults are
// the open image, the ROI Manager, and these numbers. If there is no image or there are no ROIs, a dialog asks for them.
//
// The ROIs are never changed. At the end, or when you stop, the macro writes two zips next to the ROI zip, or next to the movie
// if the ROIs came from the manager: <name>_kept.zip, and <name>_nothing.zip with the rejected ROIs. This macro needs neither
// Python nor EpiFiji.

var ONE_VALUE = "(?:=(?:\\[(.*?)\\](?=\\s|$)|(?!\\[)(\\S*)))?";
var OTHERS = "(?s)((?:\\w+(?:=(?:(?>\\[.*?\\](?=\\s|$))|(?!\\[)\\S*))?(?:\\s+|$))*?)";
var KEYS = newArray("movie", "rois", "before", "after", "half_size", "zoom", "overwrite");
var COLUMNS = 7;
var GAP = 2;

given = String.trim(getArgument());
if (matches(call("java.awt.GraphicsEnvironment.isHeadless"), "true"))
    exit("Reviewing events needs a window, but this ImageJ has none: start it without --headless.");
if (!matches(given, OTHERS))
    exit("The parameters '" + given + "' cannot be read: write key=value, with [ ] around values that have spaces.");
rest = given;
for (k = 0; k < KEYS.length; k++)
    rest = without(rest, KEYS[k]);
if (String.trim(rest) != "")
    exit("There are no parameters '" + String.trim(rest) + "': they are " + String.join(KEYS, ", ") + ".");
before = whole(given, "before", 6, 0, 50);
after = whole(given, "after", 6, 0, 50);
half = whole(given, "half_size", 25, 5, 500);
zoom = whole(given, "zoom", 4, 1, 20);
overwrite = has(given, "overwrite") && !matches(value(given, "overwrite"), "(?i)false");

moviePath = value(given, "movie");
roiPath = value(given, "rois");
if (moviePath == "" && nImages == 0)
    moviePath = askForFile("Movie", "Which movie? Or open it first.");
if (moviePath != "") {
    requireFile(moviePath, "movie");
    open(moviePath);
}
movie = getImageID();
movieName = File.getNameWithoutExtension(getTitle());
folder = getInfo("image.directory");
if (folder == 0)
    folder = "";
Stack.getDimensions(width, height, channels, slices, frames);
count = maxOf(slices, frames);
if (count < 2 || (slices > 1 && frames > 1))
    exit(getTitle() + " has " + slices + " planes and " + frames + " frames, but a movie has one plane over time: open another.");

if (roiPath == "" && roiManager("count") == 0)
    roiPath = askForFile("ROI zip", "There are no ROIs in the manager. Which events?");
own = roiManager("count");
first = 0;
name = movieName;
if (roiPath != "") {
    requireFile(roiPath, "ROI zip");
    roiManager("open", roiPath);
    first = own;
    folder = File.getParent(roiPath) + File.separator;
    name = File.getNameWithoutExtension(roiPath);
}
total = roiManager("count") - first;
if (total == 0)
    exit(roiPath + " has no ROIs, but events are needed: give another zip.");
if (folder == "")
    folder = getDirectory("Where to save the reviewed events");
keptPath = folder + name + "_kept.zip";
rejectedPath = folder + name + "_nothing.zip";
if (!overwrite && (File.exists(keptPath) || File.exists(rejectedPath))) {
    forget(first, own);
    exit(name + "_kept.zip or " + name + "_nothing.zip is in " + folder + " already: move it away, or give overwrite.");
}

// 0 is open, 1 kept, 2 rejected.
decisions = newArray(total);
sheet = 0;
i = 0;
stopped = false;
while (i < total && !stopped) {
    sheet = show(first + i, sheet);
    label = RoiManager.getName(first + i) + "   " + (i + 1) + " of " + total;
    answer = ask(label + "\\n \\nIs this an event?   Esc: undo or stop", "Yes (y)", "No (n)");
    if (answer == "yes") {
        decisions[i] = 1;
        i++;
    } else if (answer == "no") {
        decisions[i] = 2;
        i++;
    } else if (i == 0) {
        answer = ask("Stop before the first event?", "Stop (y)", "Continue (n)");
        if (answer == "yes")
            stopped = true;
    } else {
        answer = ask("Undo the last event, or stop and save?   Esc: continue", "Undo (y)", "Stop (n)");
        if (answer == "no")
            stopped = true;
        else if (answer == "yes") {
            i--;
            decisions[i] = 0;
        }
    }
}
if (isOpen(sheet)) {
    selectImage(sheet);
    close();
}
selectImage(movie);
kept = save(decisions, 1, keptPath);
rejected = save(decisions, 2, rejectedPath);
forget(first, own);
roiManager("deselect");
print("EpiFiji: " + kept + " kept, " + rejected + " rejected, " + (total - kept - rejected) + " not reviewed; saved in " + folder);

// Draws the crops of a ROI around its frame, in place of the earlier ones.
function show(index, sheet) {
    selectImage(movie);
    frame = frameOf(index);
    centre = centreOf(index);
    side = 2 * half + 1;
    shown = before + after + 1;
    columns = minOf(COLUMNS, shown);
    rows = Math.ceil(shown / COLUMNS);
    left = floor(centre[0] + 0.5) - half;
    top = floor(centre[1] + 0.5) - half;
    Stack.getPosition(channel, slice, was);
    setBatchMode(true);
    kind = toString(bitDepth());
    if (kind == "24")
        kind = "RGB";
    else
        kind = kind + "-bit";
    newImage("Event", kind + " black", columns * (side + GAP) - GAP, rows * (side + GAP) - GAP, 1);
    made = getImageID();
    for (f = frame - before; f <= frame + after; f++) {
        if (f >= 1 && f <= count) {
            cell = f - frame + before;
            x = maxOf(0, left);
            y = maxOf(0, top);
            w = minOf(width, left + side) - x;
            h = minOf(height, top + side) - y;
            if (w > 0 && h > 0) {
                selectImage(movie);
                goTo(channel, f);
                makeRectangle(x, y, w, h);
                run("Copy");
                selectImage(made);
                makeRectangle(xOf(cell, columns, side) + x - left, yOf(cell, columns, side) + y - top, w, h);
                run("Paste");
            }
        }
    }
    selectImage(movie);
    goTo(channel, frame);
    run("Select None");
    selectImage(made);
    run("Select None");
    run("Enhance Contrast", "saturated=0.35");
    run("RGB Color");
    made = getImageID();
    run("Size...", "width=" + getWidth() * zoom + " height=" + getHeight() * zoom + " interpolation=None");
    setFont("SansSerif", 12, "antialiased");
    for (f = frame - before; f <= frame + after; f++) {
        x = xOf(f - frame + before, columns, side) * zoom;
        y = yOf(f - frame + before, columns, side) * zoom;
        setColor(255, 255, 255);
        if (f >= 1 && f <= count)
            drawString(toString(f), x + 4, y + 17, "black");
        if (f == frame) {
            setColor(255, 255, 0);
            setLineWidth(2);
            drawRect(x + 1, y + 1, side * zoom - 2, side * zoom - 2);
            reach = 10 * zoom;
            drawOval(x + (half + 0.5) * zoom - reach, y + (half + 0.5) * zoom - reach, 2 * reach, 2 * reach);
        }
    }
    rename("Event " + (index - first + 1) + " of " + total + " in frame " + frame);
    setBatchMode("show");
    setBatchMode(false);
    // Below the question, which ImageJ puts into the upper quarter of the screen, if there is room.
    getLocationAndSize(x, y, w, h);
    setLocation(20, maxOf(20, minOf((screenHeight - 150) / 4 + 190, screenHeight - h - 40)));
    if (isOpen(sheet)) {
        selectImage(sheet);
        close();
    }
    return made;
}

function xOf(cell, columns, side) {
    return (cell % columns) * (side + GAP);
}

function yOf(cell, columns, side) {
    return floor(cell / columns) * (side + GAP);
}

function goTo(channel, frame) {
    if (frames > 1)
        Stack.setPosition(channel, 1, frame);
    else
        Stack.setPosition(channel, frame, 1);
}

// A ROI's frame is its position along the time axis; if it has none, its position along the other axis, its index in the stack,
// or the number at the beginning of its name.
function frameOf(index) {
    RoiManager.select(index);
    Roi.getPosition(channel, slice, frame);
    // Without channel and frame, the slice is the index in the stack, which counts channels too.
    if (channel == 0 && frame == 0 && slice > 0)
        return minOf(floor((slice - 1) / channels) + 1, count);
    own = frame;
    other = slice;
    if (frames == 1) {
        own = slice;
        other = frame;
    }
    if (own > 1)
        return minOf(own, count);
    if (other > 1)
        return minOf(other, count);
    if (channel > channels)
        return minOf(channel, count);
    if (own == 1 || other == 1)
        return 1;
    if (matches(Roi.getName, "\\d{4,}-\\d{4,}-\\d{4,}.*"))
        return minOf(parseInt(substring(Roi.getName, 0, indexOf(Roi.getName, "-"))), count);
    return getSliceNumber();
}

// Integer coordinates are the centres of pixels for points, and the corners of pixels for areas.
function centreOf(index) {
    RoiManager.select(index);
    Roi.getFloatBounds(x, y, w, h);
    shift = 0;
    if (Roi.getType != "point")
        shift = 0.5;
    return newArray(x + w / 2 - shift, y + h / 2 - shift);
}

// Asks in a separate macro, because Esc in the question would end this one. Returns yes, no, or an empty text for Esc.
function ask(question, yes, no) {
    question = replace(replace(question, "'", " "), "\"", " ");
    // With a letter before the number, because ImageJ converts the empty answer of Esc to 0.
    answer = "" + eval("answer = getBoolean('" + question + "', '" + yes + "', '" + no + "'); return 'b' + answer;");
    if (answer == "b1")
        return "yes";
    if (answer == "b0")
        return "no";
    return "";
}

function askForFile(what, question) {
    Dialog.create("Review Events");
    Dialog.addMessage(question);
    Dialog.addFile(what, "");
    Dialog.show();
    return Dialog.getString();
}

function save(decisions, wanted, path) {
    indexes = newArray(0);
    for (n = 0; n < decisions.length; n++)
        if (decisions[n] == wanted)
            indexes = Array.concat(indexes, first + n);
    // Otherwise the file of an earlier review would seem to be of this one.
    if (File.exists(path))
        ok = File.delete(path);
    if (indexes.length > 0) {
        roiManager("select", indexes);
        roiManager("save selected", path);
    }
    return indexes.length;
}

// Removes the ROIs that this macro opened from the manager.
function forget(first, own) {
    if (roiPath == "" || roiManager("count") == own)
        return;
    roiManager("select", Array.slice(Array.getSequence(roiManager("count")), own));
    roiManager("delete");
}

function requireFile(path, what) {
    if (!File.exists(path) || File.isDirectory(path))
        exit("The " + what + " " + path + " does not exist: check the path.");
}

function whole(given, key, otherwise, low, high) {
    if (!has(given, key))
        return otherwise;
    text = value(given, key);
    if (!matches(text, "\\d{1,6}") || parseInt(text) < low || parseInt(text) > high)
        exit(key + " is '" + text + "', but it must be a whole number from " + low + " to " + high + ".");
    return parseInt(text);
}

// Parameters are read as EpiFiji's commands read them.
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
