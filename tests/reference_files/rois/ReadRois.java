import ij.gui.*;
import ij.io.RoiDecoder;
import ij.process.FloatPolygon;
import java.io.*;
import java.util.zip.*;

/** Prints what ImageJ's own decoder finds in ROI zips: java -cp ij.jar ReadRois.java ZIP... See README.md. */
public class ReadRois {

    public static void main(String[] arguments) throws IOException {
        for (String path : arguments) {
            ZipInputStream zip = new ZipInputStream(new FileInputStream(path));
            for (ZipEntry entry = zip.getNextEntry(); entry != null; entry = zip.getNextEntry()) {
                Roi roi = new RoiDecoder(zip.readAllBytes(), entry.getName()).getRoi();
                System.out.println(entry.getName() + "\t" + describe(roi));
            }
        }
    }

    static String describe(Roi roi) {
        FloatPolygon points = roi.getFloatPolygon();
        StringBuilder line = new StringBuilder();
        line.append(roi.getName()).append('\t').append(roi.getTypeAsString());
        line.append("\tposition=").append(roi.getPosition()).append(" c,z,t=").append(roi.getCPosition());
        line.append(',').append(roi.getZPosition()).append(',').append(roi.getTPosition());
        line.append("\tbounds=").append(roi.getBounds().x).append(',').append(roi.getBounds().y);
        line.append("\tcentre=").append(roi.getFloatBounds().getCenterX()).append(',');
        line.append(roi.getFloatBounds().getCenterY());
        line.append("\tcolour=").append(roi.getStrokeColor()).append('\t');
        for (int i = 0; i < points.npoints && roi instanceof PointRoi; i++) {
            line.append(points.xpoints[i]).append(',').append(points.ypoints[i]).append('@');
            line.append(((PointRoi) roi).getPointPosition(i)).append(' ');
        }
        return line.toString();
    }
}
