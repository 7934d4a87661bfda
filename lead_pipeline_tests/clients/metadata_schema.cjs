/* Prints the types of the Metadata API as JSON, as jsforce knows them: type -> {props, extends}. */
const { ApiSchemas } = require("jsforce/lib/api/metadata/schema");

console.log(JSON.stringify(ApiSchemas));
