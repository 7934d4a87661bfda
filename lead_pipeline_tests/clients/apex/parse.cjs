/* Parses Apex files and prints one JSON object: syntax errors, statements inside loops that query or write, and what else
   a reviewer asks about. Arguments: the files. */
const fs = require("node:fs");
const path = require("node:path");
const { ApexErrorListener, ApexParserBaseListener, ApexParserFactory, ApexParseTreeWalker } = require(
  "@apexdevtools/apex-parser",
);

class Problems extends ApexErrorListener {
  constructor() {
    super();
    this.found = [];
  }

  apexSyntaxError(line, column, message) {
    this.found.push(`${line}:${column} ${message}`);
  }
}

/* Notes queries and writes between the beginning and the end of a loop's body. A query in the head of a for loop runs once. */
class Loops extends ApexParserBaseListener {
  constructor() {
    super();
    this.depth = 0;
    this.inLoops = [];
    this.queries = [];
  }

  note(kind, context) {
    if (this.depth > 0) {
      this.inLoops.push(`${context.start.line} ${kind}`);
    }
  }

  enterStatement(context) {
    if (isLoop(context.parentCtx)) {
      this.depth += 1;
    }
  }

  exitStatement(context) {
    if (isLoop(context.parentCtx)) {
      this.depth -= 1;
    }
  }

  enterQuery(context) {
    this.queries.push(context.getText());
    this.note("query", context);
  }

  enterInsertStatement(context) {
    this.note("insert", context);
  }

  enterUpdateStatement(context) {
    this.note("update", context);
  }

  enterDotMethodCall(context) {
    const name = context.anyId().getText();
    if (["insert", "update", "upsert", "query", "enqueueJob", "send"].includes(name)) {
      this.note(name, context);
    }
  }
}

const isLoop = (context) =>
  context !== null && ["ForStatementContext", "WhileStatementContext", "DoWhileStatementContext"].includes(
    context?.constructor?.name,
  );

const answer = {};
for (const file of process.argv.slice(2)) {
  const problems = new Problems();
  const { parser } = ApexParserFactory.createLexerAndParser(fs.readFileSync(file, "utf8"), problems);
  const tree = file.endsWith(".trigger") ? parser.triggerUnit() : parser.compilationUnit();
  const loops = new Loops();
  ApexParseTreeWalker.DEFAULT.walk(loops, tree);
  answer[path.basename(file)] = { problems: problems.found, inLoops: loops.inLoops, queries: loops.queries };
}
console.log(JSON.stringify(answer));
