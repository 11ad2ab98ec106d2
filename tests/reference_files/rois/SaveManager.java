import ij.IJ;
import ij.ImagePlus;
import ij.gui.*;
import ij.plugin.frame.RoiManager;

/** Saves ROIs from a real ROI Manager, needs a display: java -cp ij.jar SaveManager.java ZIP. See README.md. */
public class SaveManager {

    public static void main(String[] arguments) {
        ImagePlus movie = IJ.createImage("movie", "8-bit black", 200, 200, 20);
        movie.setDimensions(1, 1, 20);
        movie.show();
        RoiManager manager = new RoiManager(false);

        PointRoi clicked = new PointRoi();
        for (int slice : new int[] {2, 5, 9}) {
            movie.setSlice(slice);
            clicked.addPoint(movie, 10 * slice, 11 * slice);
        }
        movie.setRoi(clicked);
        manager.addRoi(clicked);

        movie.setSlice(8);
        for (Roi roi : new Roi[] {new PointRoi(33, 44), new PointRoi(33, 44), new OvalRoi(30, 40, 6, 8)}) {
            movie.setRoi(roi);
            manager.addRoi(movie.getRoi());
        }
        manager.runCommand("Save", arguments[0]);
        System.exit(0);
    }
}
