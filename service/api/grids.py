"""Routes of grids: one spell along axes, or a prompt matrix, and the contact sheet of the result."""

from __future__ import annotations

from fastapi import APIRouter, Response
from pydantic import BaseModel, ConfigDict, Field

from prompts.grid import MOST_CELLS, Axis
from service.api.deps import IdempotencyKey, ServicesDep
from service.grids import GridOrder, Grids
from service.spell_json import SpellModel

router = APIRouter(prefix="/api/grids", tags=["pictures"])
AXIS_DOC = (
    "Name and values as in the web UI: `Steps: 10, 20`, `Seed: 1-5`, `CFG Scale: 3-9 (+2)`, `Prompt S/R: cat, dog`."
)


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class GridIn(_Body):
    """A spell along up to three axes, or its prompt matrix."""

    spell: SpellModel
    x: str = Field(default="", max_length=4000, description=AXIS_DOC)
    y: str = Field(default="", max_length=4000)
    z: str = Field(default="", max_length=4000)
    matrix: bool = Field(default=False, description="Parts of the prompt after | on and off, in every combination.")


class AxisModel(_Body):
    """The labels along one direction."""

    kind: str = Field(default="", max_length=40)
    values: list[str] = Field(min_length=1, max_length=MOST_CELLS)

    def to_domain(self) -> Axis:
        """The axis."""
        return Axis(self.kind, tuple(self.values))


class CellModel(_Body):
    """One picture and the job that draws it."""

    x: int = Field(ge=0, lt=MOST_CELLS)
    y: int = Field(ge=0, lt=MOST_CELLS)
    z: int = Field(ge=0, lt=MOST_CELLS)
    job_id: str = Field(max_length=26)


class GridView(_Body):
    """A grid: its axes, and a job for every cell. Send it to `/api/grids/sheet` as it is."""

    x: AxisModel
    y: AxisModel
    z: AxisModel
    cells: list[CellModel] = Field(min_length=1, max_length=MOST_CELLS)


@router.post("", status_code=202)
async def draw_grid(body: GridIn, services: ServicesDep, key: IdempotencyKey = None) -> GridView:
    """Draw a spell in every combination of the axes' values; each cell is a job, all with one seed."""
    order = GridOrder(body.spell.to_domain(), (body.x, body.y, body.z), body.matrix)
    grid, jobs = await Grids(services.generation, services.gallery).submit(order, key)
    axes = [AxisModel(kind=axis.kind, values=list(axis.values)) for axis in (grid.x, grid.y, grid.z)]
    cells = [CellModel(x=x, y=y, z=z, job_id=job.id) for (x, y, z), job in jobs.items()]
    return GridView(x=axes[0], y=axes[1], z=axes[2], cells=cells)


@router.post("/sheet", response_class=Response, responses={200: {"content": {"image/png": {}}}})
async def sheet(body: GridView, services: ServicesDep) -> Response:
    """The contact sheet of what is finished, as PNG with labels."""
    axes = [axis.to_domain() for axis in (body.x, body.y, body.z)]
    jobs = {(cell.x, cell.y, cell.z): cell.job_id for cell in body.cells}
    data = await Grids(services.generation, services.gallery).sheet(axes, jobs)
    return Response(data, media_type="image/png")
