/**
 * The CommonJS build of smtp-server, and with it nodemailer's. Their ES modules import `node:http` by name, for which Node
 * reads all it exports, WebSocket too, and for that loads undici: 3 MB of each process that nobody needs.
 */
import { createRequire } from 'node:module'

const require = createRequire(import.meta.url)

export const { SMTPServer } = require('smtp-server') as typeof import('smtp-server')
export const { SMTPConnection, TLS_SOCKET_OPTIONS } =
  require('smtp-server/lib/smtp-connection.js') as typeof import('smtp-server/lib/smtp-connection.js')
