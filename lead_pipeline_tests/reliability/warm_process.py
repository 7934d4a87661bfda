"""Imported by the process that nights are forked from: everything a night would otherwise load on its first use.

Pandas models, reference data and configuration cost each process a second; forked ones find them in memory.
"""

from lead_pipeline.domain.normalize.lead import normalize_row
from lead_pipeline.domain.schemas import RawLeadModel, build_raw_frame
from lead_pipeline_tests.lead_builders import NOW, article_row, load_mapping, raw_lead
from lead_pipeline_tests.reliability.night import load_packaged_config

_ROW = raw_lead(article_row())

load_packaged_config()
normalize_row(_ROW, load_mapping(), now=NOW)
RawLeadModel.validate(build_raw_frame([_ROW]), lazy=True)
