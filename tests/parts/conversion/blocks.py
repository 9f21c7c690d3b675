"""The text of STEP files of one block, written as a CAD system would write it."""

from itertools import product

_UNITS = {
    "mm": "(LENGTH_UNIT() NAMED_UNIT(*) SI_UNIT(.MILLI.,.METRE.))",
    "m": "(LENGTH_UNIT() NAMED_UNIT(*) SI_UNIT($,.METRE.))",
    "inch": (
        "(CONVERSION_BASED_UNIT('INCH',{measure}) LENGTH_UNIT() NAMED_UNIT({size}))"
    ),
}


class StepWriter:
    """Entities in the order they are added; each is named by its number."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def add(self, entity: str) -> str:
        self.lines.append(f"#{len(self.lines) + 1}={entity};")
        return f"#{len(self.lines)}"

    def point(self, *xyz: float) -> str:
        return self.add(f"CARTESIAN_POINT('',{_numbers(xyz)})")

    def direction(self, *xyz: float) -> str:
        return self.add(f"DIRECTION('',{_numbers(xyz)})")

    def placement(self, origin: tuple, z: tuple, x: tuple) -> str:
        return self.add(
            f"AXIS2_PLACEMENT_3D('',{self.point(*origin)},"
            f"{self.direction(*z)},{self.direction(*x)})"
        )

    def text(self) -> str:
        return "\n".join(
            [
                "ISO-10303-21;",
                "HEADER;",
                "FILE_DESCRIPTION((''),'2;1');",
                "FILE_NAME('','',(''),(''),'','','');",
                "FILE_SCHEMA(('AUTOMOTIVE_DESIGN { 1 0 10303 214 1 1 1 1 }'));",
                "ENDSEC;",
                "DATA;",
                *self.lines,
                "ENDSEC;",
                "END-ISO-10303-21;",
                "",
            ]
        )


def block_step(size=(40.0, 30.0, 20.0), *, unit="mm", name="block", red_faces=0) -> str:
    """Return the text of a STEP file of one block with its corner at the origin."""
    step = StepWriter()
    brep, faces = _block(step, size)
    styled = [_styled(step, face) for face in faces[:red_faces]]
    if styled:
        items = ",".join(styled)
        context = step.add("REPRESENTATION_CONTEXT('','')")
        step.add(
            "MECHANICAL_DESIGN_GEOMETRIC_PRESENTATION_REPRESENTATION"
            f"('',({items}),{context})"
        )
    _product(step, brep, unit, name)
    return step.text()


def _block(step: StepWriter, size: tuple) -> tuple[str, list[str]]:
    corners = {
        corner: step.add(
            "VERTEX_POINT('',"
            + step.point(*(c * s for c, s in zip(corner, size, strict=True)))
            + ")"
        )
        for corner in product((0, 1), repeat=3)
    }
    edges: dict[tuple, str] = {}

    def oriented(start: tuple, end: tuple) -> str:
        low, high = min(start, end), max(start, end)
        if (low, high) not in edges:
            way = step.direction(*(b - a for a, b in zip(low, high, strict=True)))
            origin = step.point(*(c * s for c, s in zip(low, size, strict=True)))
            vector = step.add(f"VECTOR('',{way},1.)")
            line = step.add(f"LINE('',{origin},{vector})")
            edges[low, high] = step.add(
                f"EDGE_CURVE('',{corners[low]},{corners[high]},{line},.T.)"
            )
        sense = ".T." if start == low else ".F."
        return step.add(f"ORIENTED_EDGE('',*,*,{edges[low, high]},{sense})")

    faces = []
    for axis, side in product(range(3), (0, 1)):
        u, v = (axis + 1) % 3, (axis + 2) % 3
        around = [(0, 0), (1, 0), (1, 1), (0, 1)]
        if not side:
            around.reverse()
        loop = []
        for a, b in around:
            corner = [0, 0, 0]
            corner[axis], corner[u], corner[v] = side, a, b
            loop.append(tuple(corner))
        sides = [oriented(loop[i], loop[(i + 1) % 4]) for i in range(4)]
        bound = step.add(f"EDGE_LOOP('',({','.join(sides)}))")
        outer = step.add(f"FACE_OUTER_BOUND('',{bound},.T.)")
        normal, x = [0, 0, 0], [0, 0, 0]
        normal[axis], x[u] = 2 * side - 1, 1
        origin = tuple(c * s for c, s in zip(loop[0], size, strict=True))
        place = step.placement(origin, tuple(normal), tuple(x))
        plane = step.add(f"PLANE('',{place})")
        faces.append(step.add(f"ADVANCED_FACE('',({outer}),{plane},.T.)"))
    shell = step.add(f"CLOSED_SHELL('',({','.join(faces)}))")
    return step.add(f"MANIFOLD_SOLID_BREP('',{shell})"), faces


def _styled(step: StepWriter, face: str) -> str:
    colour = step.add("COLOUR_RGB('',1.,0.,0.)")
    fill = step.add(f"FILL_AREA_STYLE_COLOUR('',{colour})")
    area = step.add(f"FILL_AREA_STYLE('',({fill}))")
    side = step.add(f"SURFACE_STYLE_FILL_AREA({area})")
    sides = step.add(f"SURFACE_SIDE_STYLE('',({side}))")
    usage = step.add(f"SURFACE_STYLE_USAGE(.BOTH.,{sides})")
    style = step.add(f"PRESENTATION_STYLE_ASSIGNMENT(({usage}))")
    return step.add(f"STYLED_ITEM('',({style}),{face})")


def _product(step: StepWriter, brep: str, unit: str, name: str) -> None:
    length = _UNITS[unit]
    if unit == "inch":
        metre = step.add(_UNITS["mm"])
        measure = step.add(f"LENGTH_MEASURE_WITH_UNIT(LENGTH_MEASURE(25.4),{metre})")
        size = step.add("DIMENSIONAL_EXPONENTS(1.,0.,0.,0.,0.,0.,0.)")
        length = length.format(measure=measure, size=size)
    length = step.add(length)
    angle = step.add("(NAMED_UNIT(*) PLANE_ANGLE_UNIT() SI_UNIT($,.RADIAN.))")
    solid = step.add("(NAMED_UNIT(*) SI_UNIT($,.STERADIAN.) SOLID_ANGLE_UNIT())")
    fuzz = step.add(
        "UNCERTAINTY_MEASURE_WITH_UNIT(LENGTH_MEASURE(1.E-07),"
        f"{length},'distance_accuracy_value','')"
    )
    context = step.add(
        "(GEOMETRIC_REPRESENTATION_CONTEXT(3)"
        f" GLOBAL_UNCERTAINTY_ASSIGNED_CONTEXT(({fuzz}))"
        f" GLOBAL_UNIT_ASSIGNED_CONTEXT(({length},{angle},{solid}))"
        " REPRESENTATION_CONTEXT('',''))"
    )
    origin = step.placement((0, 0, 0), (0, 0, 1), (1, 0, 0))
    shape = step.add(
        f"ADVANCED_BREP_SHAPE_REPRESENTATION('',({origin},{brep}),{context})"
    )
    application = step.add("APPLICATION_CONTEXT('automotive design')")
    product_context = step.add(f"PRODUCT_CONTEXT('',{application},'mechanical')")
    made = step.add(f"PRODUCT('{name}','{name}','',({product_context}))")
    formation = step.add(f"PRODUCT_DEFINITION_FORMATION('','',{made})")
    design = step.add(
        f"PRODUCT_DEFINITION_CONTEXT('part definition',{application},'design')"
    )
    definition = step.add(f"PRODUCT_DEFINITION('design','',{formation},{design})")
    defined = step.add(f"PRODUCT_DEFINITION_SHAPE('','',{definition})")
    step.add(f"SHAPE_DEFINITION_REPRESENTATION({defined},{shape})")


def _numbers(values: tuple) -> str:
    return (
        "(" + ",".join(f"{float(value)!r}".replace("e", "E") for value in values) + ")"
    )
