import ij.IJ;
import ij.ImagePlus;
import ij.Prefs;
import ij.io.FileSaver;
import ij.measure.Calibration;
import ij.process.ImageProcessor;

/** Saves small stacks as ImageJ does; image i (from 1) holds i everywhere and 100 + i at x 2, y 3. */
public class MakeMovies {

    public static void main(String[] args) {
        Prefs.intelByteOrder = false;
        save("imagej_time_uint16", "16-bit", 1, 1, 8, 0.25, "um", 300, "sec");
        save("imagej_z_uint8", "8-bit", 1, 8, 1, 250, "nm", 0, "sec");
        save("imagej_channels_uint16", "16-bit", 2, 1, 6, 0.25, "um", 1.5, "min");
        Prefs.intelByteOrder = true;
        save("imagej_time_float32", "32-bit", 1, 1, 8, 0.000025, "cm", 2.5, "min");
    }

    static void save(String name, String type, int channels, int slices, int frames, double pixelSize, String unit,
            double frameInterval, String timeUnit) {
        int count = channels * slices * frames;
        ImagePlus image = IJ.createImage(name, type, 6, 5, count);
        image.setDimensions(channels, slices, frames);
        image.setOpenAsHyperStack(true);
        for (int i = 1; i <= count; i++) {
            ImageProcessor pixels = image.getStack().getProcessor(i);
            pixels.setValue(i);
            pixels.fill();
            pixels.putPixelValue(2, 3, 100 + i);
        }
        Calibration calibration = image.getCalibration();
        calibration.pixelWidth = pixelSize;
        calibration.pixelHeight = pixelSize;
        calibration.setUnit(unit);
        calibration.frameInterval = frameInterval;
        calibration.setTimeUnit(timeUnit);
        new FileSaver(image).saveAsTiff(name + ".tif");
    }
}
