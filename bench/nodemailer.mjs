// The peer of bench/email.py: nodemailer's pool over as many connections, mails of the same size, no records.
// node bench/nodemailer.mjs PORT MAILS CONNECTIONS SIZE
import { createTransport } from "nodemailer";

const [port, mails, connections, size] = process.argv.slice(2).map(Number);
const words = "our summer range is here and as one of our regular customers you may choose first ";
const text = words.repeat(Math.ceil(size / 2 / words.length)).slice(0, size / 2).replace(/(.{70})/g, "$1\n");
const rows = words.repeat(Math.ceil(size / 2 / words.length)).slice(0, size / 2).replace(/(.{62})/g, "<p>$1</p>\n");

const pool = createTransport({
  host: "127.0.0.1", port, secure: false, ignoreTLS: true, pool: true, maxConnections: connections,
  maxMessages: Infinity,
});

function send(number) {
  return pool.sendMail({
    from: "Company <news@company.example>",
    to: `person${number}@example.net`,
    subject: `News for Person ${number}`,
    text: `Dear Person ${number},\n${text}\nhttps://company.example/u/${number}\n`,
    html: `<html><body><p>Dear Person ${number},</p>${rows}<a href="https://company.example/u/${number}">Unsubscribe</a></body></html>`,
    headers: {
      "List-Unsubscribe": `<https://company.example/u/${number}>`,
      "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
    },
  });
}

async function some(count) {
  let next = 0;
  const began = process.hrtime.bigint();
  // As many wait as its pool takes well: it keeps its own queue.
  await Promise.all(Array.from({ length: connections * 8 }, async () => {
    while (next < count) await send(next++);
  }));
  return count / (Number(process.hrtime.bigint() - began) / 1e9);
}

await some(500);
console.log(await some(mails));
pool.close();
