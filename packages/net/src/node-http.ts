/**
 * `node:http`. Imported by name it would have to hand out all that it exports, WebSocket too, and load undici for that:
 * 3 MB of each process.
 */
export const { createServer, request } = process.getBuiltinModule('node:http')
