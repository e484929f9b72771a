//! Modifiers of PostGIS's types: `geometry(PointZ, 4326)`.
//!
//! PostGIS keeps a modifier as one number, and so does the model: the reference system from bit 8
//! on, the shape from bit 2 on, then whether there are Z and M coordinates.

/// The shapes in the order of their numbers, as they are printed.
const SHAPES: [&str; 16] = [
    "Geometry",
    "Point",
    "LineString",
    "Polygon",
    "MultiPoint",
    "MultiLineString",
    "MultiPolygon",
    "GeometryCollection",
    "CircularString",
    "CompoundCurve",
    "CurvePolygon",
    "MultiCurve",
    "MultiSurface",
    "PolyhedralSurface",
    "Triangle",
    "Tin",
];

/// The modifier of a shape and a reference system, 0 where none is said. `None`: no such shape.
pub fn modifier(shape: &str, srid: i64) -> Option<i64> {
    let shape = shape.trim().to_ascii_lowercase();
    // Longer suffixes first; no shape ends in one of them.
    let suffixes = [("zm", 3), ("z", 2), ("m", 1), ("", 0)];
    let number = |(suffix, coordinates): (&str, i64)| {
        let name = shape.strip_suffix(suffix)?.trim_end();
        let at = SHAPES.iter().position(|known| known.eq_ignore_ascii_case(name))?;
        Some(i64::try_from(at).ok()? << 2 | coordinates)
    };
    suffixes.into_iter().find_map(number).map(|number| srid.max(0) << 8 | number)
}

/// A modifier as PostGIS prints it. A geography without a reference system has that of the GPS.
pub fn words(modifier: i64, is_geography: bool) -> String {
    let srid = match modifier >> 8 {
        0 if is_geography => 4326,
        srid => srid,
    };
    if modifier & 0xff == 0 && srid == 0 {
        return String::new();
    }
    let shape =
        usize::try_from(modifier >> 2 & 0x3f).ok().and_then(|at| SHAPES.get(at)).unwrap_or(&SHAPES[0]);
    let z = if modifier & 2 != 0 { "Z" } else { "" };
    let m = if modifier & 1 != 0 { "M" } else { "" };
    let srid = if srid == 0 { String::new() } else { format!(",{srid}") };
    format!("({shape}{z}{m}{srid})")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modifiers_are_printed_as_postgis_does() {
        let printed = |shape: &str, srid| modifier(shape, srid).map(|number| words(number, false));
        assert_eq!(printed("point", 4326).as_deref(), Some("(Point,4326)"));
        assert_eq!(printed("MULTIPOLYGON", 0).as_deref(), Some("(MultiPolygon)"));
        assert_eq!(printed("pointzm", 3857).as_deref(), Some("(PointZM,3857)"));
        assert_eq!(printed("LineString Z", 0).as_deref(), Some("(LineStringZ)"));
        assert_eq!(printed("GeometryM", 0).as_deref(), Some("(GeometryM)"));
        assert_eq!(printed("geometry", 4326).as_deref(), Some("(Geometry,4326)"));
        assert_eq!(printed("geometry", 0).as_deref(), Some(""));
        assert_eq!(printed("circle", 0), None);
        assert_eq!(modifier("point", 0).map(|number| words(number, true)).as_deref(), Some("(Point,4326)"));
    }
}
