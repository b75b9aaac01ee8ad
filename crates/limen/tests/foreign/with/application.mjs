// What the applications in JavaScript share: how they are told what to use, and how they ask for their user's browser.
import { createInterface } from 'node:readline'

const need = (name) => {
  const value = process.env[name]
  if (value === undefined) throw new Error(`${name} isn't set`)
  return value
}

export const environment = {
  issuer: need('ISSUER'),
  id: need('APPLICATION'),
  secret: process.env.SECRET,
  redirect: need('REDIRECT_URI'),
  call: need('CALL'),
  key: need('KEY'),
}

const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]()

/** Has the user's browser go to an address, and gives the address that it came back to. */
export async function ask(address) {
  console.log(`go ${address}`)
  const { value, done } = await lines.next()
  if (done) throw new Error('nobody came back')
  return value
}

/** The status of a call with a token. */
export async function call(token) {
  const headers = { Authorization: `Bearer ${token}`, 'Limen-Subscription-Key': environment.key }
  const answer = await fetch(environment.call, { headers })
  await answer.arrayBuffer()
  return answer.status
}

export function agree(what, seen, expected) {
  if (seen !== expected) throw new Error(`${what}: ${seen} instead of ${expected}`)
}

/** Waits until a call with the token is refused. */
export async function ends(token) {
  const deadline = Date.now() + 20_000
  for (;;) {
    const status = await call(token)
    if (status === 401) return
    if (Date.now() > deadline) throw new Error(`a call with a revoked token still answers ${status}`)
    await new Promise((resume) => setTimeout(resume, 250))
  }
}

/** Ends well, and tells the members of the first answer. */
export function tell(answer) {
  console.log(`done ${JSON.stringify(answer)}`)
  process.exit(0)
}
