"""Imported by the process that nights are forked from: everything a night would otherwise load on its first use.

Pandas models, reference data, queries and configuration cost each process a second; forked ones find them in memory.
"""

from collections.abc import Iterator

import pandera.pandas as pa

from lead_pipeline.domain.normalize.lead import normalize_row
from lead_pipeline.domain.schemas import RawLeadModel, build_raw_frame
from lead_pipeline.store.queries import load_queries
from lead_pipeline.store.sql_files import QUERIES, find_sql_directory
from lead_pipeline_tests.lead_builders import NOW, article_row, load_mapping, raw_lead
from lead_pipeline_tests.reliability.night import load_packaged_config

_ROW = raw_lead(article_row())


def _list_models(base: type[pa.DataFrameModel]) -> Iterator[type[pa.DataFrameModel]]:
    for model in base.__subclasses__():
        yield model
        yield from _list_models(model)


load_packaged_config()
normalize_row(_ROW, load_mapping(), now=NOW)
RawLeadModel.validate(build_raw_frame([_ROW]), lazy=True)
for _model in _list_models(pa.DataFrameModel):
    if _model.__module__.startswith("lead_pipeline."):
        _model.to_schema()
for _file in sorted(find_sql_directory(QUERIES).glob("*.sql")):
    load_queries(_file.stem)
