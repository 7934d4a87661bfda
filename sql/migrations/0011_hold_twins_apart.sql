-- Before a record is made, other writes that make records are asked whether one of them may make the same person.
-- They serve that search: records made lately, and creations that were given up and may still land.
CREATE INDEX write_intent_made ON write_intent (resolved_at) WHERE kind = 'insert' AND state = 'applied';
CREATE INDEX write_intent_given_up ON write_intent (sent_at) WHERE kind = 'insert' AND state = 'void';
