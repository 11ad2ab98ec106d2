"""Find the events of a movie from Python, with ImageJ in the same process and no window.

    python detect_from_python.py movie.tif results [Fiji's folder]

Without a Fiji the ImageJ that EpiFiji brings is used; with one, pyimagej opens that. Everything below works in a notebook too,
where open_imagej(headless=False) shows the windows.
"""

import sys

import epifiji


def main(movie_file: str, results: str, fiji: str | None = None) -> None:
    # There is one ImageJ in a process, for ever: a second call gives the same one.
    imagej = epifiji.open_imagej(fiji)

    # 1. The engine alone: a path or an array (T, Y, X) goes in, events come out. ImageJ is not needed for this.
    result = epifiji.detect(movie_file, threshold=150)
    print(result.counts)

    # 2. The same through ImageJ's menu command, as a macro writes it. Paths go into square brackets.
    imagej.run_macro(f"""
        open("{movie_file}");
        run("Detect Epithelial Events...", "threshold=150 output=[{results}]");
        print("ROIs on the movie: " + Overlay.size);
    """)

    # 3. ImageJ's own objects are Java's: an image for other plugins, with the events as an overlay, saved with them.
    image = imagej.to_imageplus(epifiji.read_movie(movie_file))
    name = epifiji.read_movie(movie_file).name
    zips = [f"{results}/{name}_epifiji/{name}_{event}.zip" for event, count in result.counts.items() if count]
    imagej.show_rois(image, zips)
    imagej.save_tiff(image, f"{results}/{name}_with_events.tif")


if __name__ == "__main__":
    main(*sys.argv[1:])
