import assert from 'node:assert/strict'
import { test } from 'node:test'
import { maxMimeDepth, maxParts } from './mime-builder.ts'
import { scanMessage } from './scanner.ts'
import { scanSplit } from './scanner-fixture.ts'
import type { Part } from './structure.ts'
import { decodeSummary } from './summary-decode.ts'
import { encodeSummary } from './summary-encode.ts'

const deep = (depth: number): string => {
  let text = ''
  for (let i = 0; i < depth; i++) text += `Content-Type: multipart/mixed; boundary=b${i}\r\n\r\n--b${i}\r\n`
  return `${text}\r\nx`
}
const depthOf = (part: Part): number => {
  let depth = 0
  for (let at: Part | undefined = part; at !== undefined; depth++) {
    at = at.kind === 'multipart' ? at.children[0] : at.kind === 'message' ? at.content : undefined
  }
  return depth
}

// CVE-2020-12100, CVE-2026-26312, CVE-2024-23185 classes.
test('MIME bombs: depth, parts, boundaries and headers are bounded, time is linear', () => {
  const bombs: readonly [name: string, message: string][] = [
    ['multiparts in multiparts', deep(5000)],
    ['messages in messages', 'Content-Type: message/rfc822\r\n\r\n'.repeat(20_000)],
    ['empty parts', `Content-Type: multipart/mixed; boundary=x\r\n\r\n${'--x\r\n'.repeat(400_000)}`],
    ['parts', `Content-Type: multipart/mixed; boundary=x\r\n\r\n${'--x\r\n\r\na\r\n'.repeat(100_000)}`],
    ['digest', `Content-Type: multipart/digest; boundary=x\r\n\r\n${'--x\r\n\r\n\r\n'.repeat(100_000)}`],
    ['a header of a million fields', 'a: b\r\n'.repeat(500_000)],
    ['one field of 4 MB', `Subject: ${'x'.repeat(4_000_000)}\r\n\r\n`],
    ['folded lines', `Subject: x\r\n${' y\r\n'.repeat(800_000)}\r\n`],
    ['a line of 4 MB', `\r\n${'-'.repeat(4_000_000)}`],
    ['delimiter-like lines', `Content-Type: multipart/mixed; boundary=x\r\n\r\n${'--y\r\n'.repeat(400_000)}`],
    ['line feeds', `Content-Type: multipart/mixed; boundary=x\r\n\r\n${'\n'.repeat(2_000_000)}`],
    ['a long boundary', `Content-Type: multipart/mixed; boundary=${'x'.repeat(100_000)}\r\n\r\n`],
  ]
  for (const [name, message] of bombs) {
    const bytes = Buffer.from(message)
    const start = process.cpuUsage()
    const summary = scanMessage(bytes)
    assert.ok(process.cpuUsage(start).user < 3_000_000, name)
    assert.ok(depthOf(summary.structure) <= maxMimeDepth + 2, name)
    assert.equal(summary.sizeBytes, bytes.length)
    assert.deepEqual(scanSplit(bytes, 65_536), summary, name)
    assert.deepEqual(decodeSummary(encodeSummary(summary)), summary, name)
  }
  const parts = scanMessage(Buffer.from(bombs[3]?.[1] ?? '')).structure
  assert.ok(parts.kind === 'multipart' && parts.children.length === maxParts - 1)
  assert.equal(scanMessage(Buffer.from(bombs[5]?.[1] ?? '')).fieldsComplete, false)
})
