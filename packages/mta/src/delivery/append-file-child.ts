/**
 * Started by file.ts as another user. Standard input is frames of a length (32 bits) and octets: instructions
 * in JSON, then the message; an empty frame says that it is whole. Answers with a line of JSON.
 */
import { appendToFile } from './append-file.ts'

async function* frames(): AsyncGenerator<Buffer> {
  let held: Buffer = Buffer.alloc(0)
  for await (const chunk of process.stdin as AsyncIterable<Buffer>) {
    held = held.length === 0 ? chunk : Buffer.concat([held, chunk])
    for (;;) {
      const length = held.length < 4 ? undefined : held.readUInt32BE(0)
      if (length === 0) return
      if (length === undefined || held.length < 4 + length) break
      yield held.subarray(4, 4 + length)
      held = held.subarray(4 + length)
    }
  }
  throw new Error('the message broke off')
}

const input = frames()
const first = await input.next()
const { path } = JSON.parse(String(first.value)) as { path: string }
const outcome = await appendToFile(path, () => input, Date.now)
process.stdout.write(`${JSON.stringify(outcome)}\n`)
