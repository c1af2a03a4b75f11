import type { IncomingMessage } from 'node:http'

/** What an HTTP server answers, as UTF-8. Rejects, and breaks the connection, when it is longer than `maxBytes`. */
export function answerText(response: IncomingMessage, maxBytes: number): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>()
  const pieces: Buffer[] = []
  let bytes = 0
  response.on('error', reject)
  response.on('data', (piece: Buffer) => {
    pieces.push(piece)
    bytes += piece.length
    if (bytes <= maxBytes) return
    // What has come whole ends all the same.
    reject(new Error(`answer is longer than ${maxBytes} octets`))
    response.destroy()
  })
  response.on('end', () => resolve(Buffer.concat(pieces).toString('utf8')))
  return promise
}
