-- serve `explain`: questions and dead letters of one lead, whatever their state
CREATE INDEX review_item_by_lead ON review_item (dievio_lead_id);
CREATE INDEX dead_letter_by_lead ON dead_letter (dievio_lead_id);
