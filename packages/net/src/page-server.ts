/** Text over HTTP for programs of this machine: metrics, health. GET only, no state, small requests. */
import type { AddressInfo } from 'node:net'
import { ListenError } from './listener.ts'
import { createServer } from './node-http.ts'

export interface Page {
  readonly contentType: string
  readonly text: string
}

export interface PageServer {
  readonly port: number
  close(): Promise<void>
}

const requestTimeoutMs = 10_000
const maxClients = 16

/** Serves the pages that `find` knows by their path. Rejects with ListenError. */
export async function servePages(
  place: { readonly host: string; readonly port: number },
  find: (path: string) => Promise<Page | undefined>,
): Promise<PageServer> {
  const options = { requestTimeout: requestTimeoutMs, headersTimeout: requestTimeoutMs, maxHeaderSize: 8_192 }
  const server = createServer(options, (request, response) => {
    request.resume()
    const say = (status: number, page: Page): void => {
      response.writeHead(status, { 'content-type': page.contentType, connection: 'close' })
      response.end(request.method === 'HEAD' ? undefined : page.text)
    }
    const plain = (text: string): Page => ({ contentType: 'text/plain; charset=utf-8', text })
    if (request.method !== 'GET' && request.method !== 'HEAD') return say(405, plain('GET only\n'))
    const path = (request.url ?? '/').split('?', 1)[0] ?? '/'
    find(path).then(
      (page) => (page === undefined ? say(404, plain('not found\n')) : say(200, page)),
      (error: unknown) => say(500, plain(`${error instanceof Error ? error.message : String(error)}\n`)),
    )
  })
  server.maxConnections = maxClients
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) =>
      reject(new ListenError(error.code ?? '', place.host, place.port, { cause: error })),
    )
    server.listen(place.port, place.host, resolve)
  })
  server.on('error', () => {})
  return {
    port: (server.address() as AddressInfo).port,
    close: async () => {
      server.closeAllConnections()
      await new Promise<void>((resolve) => server.close(() => resolve()))
    },
  }
}
