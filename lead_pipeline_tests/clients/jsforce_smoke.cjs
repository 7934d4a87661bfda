// Drives the sandbox org through jsforce as published: no patches, no mocks. Ends with "ok" or a failed assertion.
//
// Usage: node jsforce_smoke.cjs <instance url> <access token>, with jsforce on NODE_PATH.
"use strict";

const assert = require("node:assert/strict");
const jsforce = require("jsforce");

const [instanceUrl, accessToken] = process.argv.slice(2);
const VERSION = "66.0";

async function connect(conn) {
  const identity = await conn.identity();
  assert.equal(identity.username, "admin@sandbox.example");
  assert.ok((await conn.describeGlobal()).sobjects.some((item) => item.name === "Lead"));
}

async function crud(conn) {
  const created = await conn.sobject("Lead").create({ LastName: "Crud", Company: "C" });
  assert.equal(created.success, true);
  assert.equal((await conn.sobject("Lead").retrieve(created.id)).LastName, "Crud");
  assert.equal((await conn.sobject("Lead").update({ Id: created.id, Title: "CTO" })).success, true);
  assert.equal((await conn.sobject("Lead").retrieve(created.id)).Title, "CTO");
  assert.equal((await conn.sobject("Lead").destroy(created.id)).success, true);
  await assert.rejects(conn.sobject("Lead").retrieve(created.id), { errorCode: "NOT_FOUND" });
  await assert.rejects(conn.sobject("Lead").create({ LastName: "x" }), { errorCode: "REQUIRED_FIELD_MISSING" });
}

async function upsert(conn) {
  const row = { Name: "first", ExtId__c: "e1" };
  const created = await conn.sobject("UpsertTable__c").upsert(row, "ExtId__c");
  assert.equal(created.success, true);
  assert.equal(created.created, true);
  const updated = await conn.sobject("UpsertTable__c").upsert({ ...row, Name: "second" }, "ExtId__c");
  assert.equal(updated.id, created.id);
  await conn.sobject("UpsertTable__c").create(row);
  await assert.rejects(conn.sobject("UpsertTable__c").upsert(row, "ExtId__c"), { errorCode: "MULTIPLE_CHOICES" });
}

async function queries(conn) {
  const first = await conn.query("SELECT Id, Name, Owner.Name FROM BigTable__c ORDER BY Name");
  assert.equal(first.totalSize, 4500);
  assert.equal(first.done, false);
  const second = await conn.queryMore(first.nextRecordsUrl);
  assert.equal(second.records.length, 2000);
  const all = await conn.query("SELECT Id FROM BigTable__c").execute({ autoFetch: true, maxFetch: 10000 });
  assert.equal(all.records.length, 4500);
  await assert.rejects(conn.query("SELECT Nope FROM Lead"), { errorCode: "INVALID_FIELD" });
}

async function arrays(conn) {
  const made = await conn.sobject("Lead").create([
    { LastName: "A", Company: "C" },
    { LastName: "B" },
    { LastName: "D", Company: "C" },
  ]);
  assert.deepEqual(made.map((item) => item.success), [true, false, true]);
  assert.equal(made[1].errors[0].errorCode ?? made[1].errors[0].statusCode, "REQUIRED_FIELD_MISSING");
  const ids = [made[0].id, made[2].id];
  const changed = await conn.sobject("Lead").update(ids.map((Id) => ({ Id, Title: "T" })));
  assert.ok(changed.every((item) => item.success));
  assert.deepEqual((await conn.sobject("Lead").retrieve(ids)).map((item) => item.Title), ["T", "T"]);
  const rows = [{ Dievio_Lead_ID__c: "u1", LastName: "U", Company: "C" }, { Dievio_Lead_ID__c: "u2", LastName: "U", Company: "C" }];
  const upserted = await conn.sobject("Lead").upsert(rows, "Dievio_Lead_ID__c");
  assert.deepEqual(upserted.map((item) => item.created), [true, true]);
  assert.ok((await conn.sobject("Lead").destroy(ids)).every((item) => item.success));
}

async function bulk(conn) {
  const rows = Array.from({ length: 300 }, (_, place) => ({ LastName: `B${place}`, Company: "Bulk", Dievio_Lead_ID__c: `b${place}` }));
  const inserted = await conn.bulk2.loadAndWaitForResults({ object: "Lead", operation: "insert", input: rows, pollInterval: 200 });
  assert.equal(inserted.successfulResults.length, 300);
  const updates = inserted.successfulResults.map((item) => ({ Id: item.sf__Id, Title: "Bulk" }));
  const updated = await conn.bulk2.loadAndWaitForResults({ object: "Lead", operation: "update", input: updates, pollInterval: 200 });
  assert.equal(updated.failedResults.length, 0);
  const upserted = await conn.bulk2.loadAndWaitForResults({
    object: "Lead",
    operation: "upsert",
    externalIdFieldName: "Dievio_Lead_ID__c",
    input: [{ Dievio_Lead_ID__c: "b0", City: "Kiel" }, { Dievio_Lead_ID__c: "new", LastName: "N" }],
    pollInterval: 200,
  });
  assert.equal(upserted.successfulResults.length, 1);
  assert.match(upserted.failedResults[0].sf__Error, /^REQUIRED_FIELD_MISSING:Required fields are missing: \[.*\]:.* --$/);
  const stream = await conn.bulk2.query("SELECT Id, Title FROM Lead WHERE Company = 'Bulk'", { pollInterval: 200, pollTimeout: 20000 });
  const read = await stream.toArray();
  assert.equal(read.length, 300);
  assert.ok(read.every((item) => item.Title === "Bulk"));
}

async function discovery(conn) {
  const lead = await conn.sobject("Lead").describe();
  assert.equal(lead.fields.find((item) => item.name === "LastName").length, 80);
  const limits = await conn.limits();
  assert.ok(limits.DailyApiRequests.Remaining < limits.DailyApiRequests.Max);
  assert.equal(conn.limitInfo.apiUsage.limit, 100000);
}

async function changes(conn) {
  const start = new Date(Date.now() - 3600e3);
  const end = new Date(Date.now() + 3600e3);
  assert.ok((await conn.sobject("Lead").updated(start, end)).ids.length >= 300);
  assert.ok((await conn.sobject("Lead").deleted(start, end)).deletedRecords.length >= 3);
}

async function main() {
  const conn = new jsforce.Connection({ instanceUrl, accessToken, version: VERSION });
  for (const step of [connect, crud, upsert, queries, arrays, bulk, discovery, changes]) {
    await step(conn);
    console.log(step.name);
  }
  console.log("ok");
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
