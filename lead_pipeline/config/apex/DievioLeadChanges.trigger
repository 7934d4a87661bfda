/**
 * Marks who changed a lead, and tells the pipeline which leads people changed.
 */
trigger DievioLeadChanges on Lead (before insert, before update, after insert, after update) {
    if (Trigger.isBefore) {
        DievioLeadChangeHandler.mark(Trigger.new);
    } else {
        DievioLeadChangeHandler.tell(Trigger.new);
    }
}
