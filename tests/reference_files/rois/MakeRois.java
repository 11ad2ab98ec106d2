import ij.gui.*;
import ij.io.RoiEncoder;
import java.awt.Rectangle;
import java.io.*;
import java.nio.file.*;
import java.util.zip.*;

/** Writes ROI files with ImageJ's own encoder: java -cp ij.jar MakeRois.java FOLDER. See README.md. */
public class MakeRois {

    static ZipOutputStream zip;

    static void add(Roi roi, String name) throws IOException {
        roi.setName(name);
        zip.putNextEntry(new ZipEntry(name + ".roi"));
        zip.write(RoiEncoder.saveAsByteArray(roi));
        zip.closeEntry();
    }

    static Roi at(Roi roi, int position) {
        roi.setPosition(position);
        return roi;
    }

    static Roi at(Roi roi, int channel, int slice, int frame) {
        roi.setPosition(channel, slice, frame);
        return roi;
    }

    static void open(Path folder, String name) throws IOException {
        zip = new ZipOutputStream(new FileOutputStream(folder.resolve(name).toFile()));
    }

    static void points(Path folder) throws IOException {
        open(folder, "points.zip");
        add(at(new PointRoi(20, 10), 7), "plain stack");
        add(at(new PointRoi(21, 11), 1, 1, 8), "time");
        add(at(new PointRoi(22, 12), 1, 9, 1), "plane");
        add(at(new PointRoi(23, 13), 2, 3, 10), "time and plane");
        add(at(new PointRoi(24.25, 14.75), 11), "between pixels");
        add(new PointRoi(25, 15), "0012-0015-0025");
        add(new PointRoi(26, 16), "0013-0016-0026-1");
        add(at(new PointRoi(27, 17), 2, 0, 0), "0014-0017-0027");
        add(at(new PointRoi(40001, 30001), 12345), "far away");
        add(at(new PointRoi(28, 18), 1, 1, 1), "first frame");
        zip.close();
        RoiEncoder.save(at(new PointRoi(20, 10), 7), folder.resolve("one_point.roi").toString());
        RoiEncoder.save(new PointRoi(20, 10), folder.resolve("no_position.roi").toString());
    }

    static void multipoints(Path folder) throws IOException {
        open(folder, "multipoints.zip");
        PointRoi slices = new PointRoi();
        slices.addPoint(20, 10, 3);
        slices.addPoint(30.5, 11.25, 5);
        slices.setCounter(2);
        slices.addPoint(40, 12, 5);
        add(slices, "points in slices");
        PointRoi together = new PointRoi(new float[] {50, 60}, new float[] {20, 21}, 2);
        add(at(together, 6), "points in slice 6");
        PointRoi timed = new PointRoi(new float[] {70, 80}, new float[] {30, 31}, 2);
        timed.setPosition(7);
        add(at(timed, 2, 1, 4), "points in frame 4");
        add(new PointRoi(new int[] {90, 95}, new int[] {40, 41}, 2), "0009-0040-0092");
        zip.close();
    }

    /** A new one each time, because the constructor changes the arrays it is given. */
    static Roi corners(int type) {
        return new PolygonRoi(new int[] {10, 30, 20}, new int[] {40, 44, 60}, 3, type);
    }

    static void shapes(Path folder) throws IOException {
        open(folder, "shapes.zip");
        add(at(new Roi(10, 20, 5, 7), 1), "rectangle");
        add(at(new Roi(10.5, 20.25, 5.0, 7.0), 2), "rectangle between pixels");
        add(at(new OvalRoi(10, 20, 5, 7), 3), "oval");
        add(at(corners(Roi.POLYGON), 4), "polygon");
        add(at(corners(Roi.FREEROI), 5), "freehand");
        add(at(corners(Roi.TRACED_ROI), 6), "traced");
        add(at(corners(Roi.POLYLINE), 7), "polyline");
        add(at(corners(Roi.FREELINE), 8), "freeline");
        add(at(corners(Roi.ANGLE), 9), "angle");
        add(at(new Line(10.5, 20.5, 30.5, 24.5), 10), "line");
        add(at(new Arrow(10, 20, 30, 24), 11), "arrow");
        add(at(new EllipseRoi(10, 20, 30, 24, 0.5), 12), "ellipse");
        add(at(new RotatedRectRoi(10, 20, 30, 24, 6), 13), "rotated rectangle");
        ShapeRoi both = new ShapeRoi(new Rectangle(10, 20, 4, 4)).or(new ShapeRoi(new Rectangle(30, 40, 6, 4)));
        add(at(both, 14), "composite");
        add(at(new PolygonRoi(new float[] {10.5f, 30.5f, 20.5f}, new float[] {40, 44, 60}, 3, Roi.POLYGON), 15),
            "polygon between pixels");
        add(at(new OvalRoi(10, 20, 5, 7), 1, 1, 16), "oval in time");
        zip.close();
    }

    public static void main(String[] arguments) throws IOException {
        Path folder = Paths.get(arguments[0]);
        points(folder);
        multipoints(folder);
        shapes(folder);
    }
}
