"""Find the events of a movie from Python, with ImageJ in the same process and no window.

    python detect_from_python.py movie.tif results [Fiji's folder]

Without a Fiji the embedded ImageJ is used; with one, pyimagej opens it. All of this also works in a notebook, where
open_imagej(headless=False) shows the windows.
"""

import sys

import epifiji


def main(movie_file: str, results: str, fiji: str | None = None) -> None:
    # A process has only one ImageJ: a second call returns the same one.
    imagej = epifiji.open_imagej(fiji)

    # 1. Only the engine, without ImageJ: it takes a path or an array (T, Y, X) and returns events.
    result = epifiji.detect(movie_file, threshold=150)
    print(result.counts)

    # 2. The same with ImageJ's menu command, as in a macro. Paths are in square brackets.
    imagej.run_macro(f"""
        open("{movie_file}");
        run("Detect Epithelial Events...", "threshold=150 out=[{results}]");
        print("ROIs on the movie: " + Overlay.size);
    """)

    # 3. ImageJ's own Java objects: an image for other plugins, with the events as an overlay that is saved with it.
    image = imagej.to_imageplus(epifiji.read_movie(movie_file))
    name = epifiji.read_movie(movie_file).name
    zips = [f"{results}/{name}_epifiji/{name}_{event}.zip" for event, count in result.counts.items() if count]
    imagej.show_rois(image, zips)
    imagej.save_tiff(image, f"{results}/{name}_with_events.tif")


if __name__ == "__main__":
    main(*sys.argv[1:])
