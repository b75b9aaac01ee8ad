// People's way through signing in, in Chromium: by keyboard alone, without JavaScript, on a narrow dark screen.
import { createServer } from 'node:http'
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { chromium } from 'playwright-core'

const need = (name) => process.env[name] ?? (() => { throw new Error(`${name} isn't set`) })()
const [issuer, password] = [need('ISSUER'), need('PASSWORD')]
const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')

// The application: it only notes where its users come back to.
let came = null
const application = createServer((request, answer) => {
  if (request.url.startsWith('/back')) came = new URL(request.url, 'http://127.0.0.1')
  answer.setHeader('Content-Type', 'text/html; charset=utf-8').end('<!doctype html><title>Back</title>Back.')
})
await new Promise((ready) => application.listen(0, '127.0.0.1', ready))
const redirect = `http://127.0.0.1:${application.address().port}/back`

function agree(what, seen, expected) {
  if (JSON.stringify(seen) !== JSON.stringify(expected)) {
    throw new Error(`${what}: ${JSON.stringify(seen)} instead of ${JSON.stringify(expected)}`)
  }
}

const address = (changes = {}) => {
  const asked = {
    client_id: 'gadget', redirect_uri: redirect, response_type: 'code', state: 'from-the-browser',
    code_challenge: 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM', code_challenge_method: 'S256', ...changes,
  }
  return `${issuer}/authorization?${new URLSearchParams(asked)}`
}

/** What a screen reader would stumble over, and whether anything is cut off on a narrow screen. */
async function inspect(page, what) {
  await page.evaluate(axe)
  const found = await page.evaluate(() => globalThis.axe.run(document, { resultTypes: ['violations'] }))
  agree(`${what}: accessibility`, found.violations.map((one) => `${one.id}: ${one.nodes[0].html}`), [])
  const wide = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth)
  agree(`${what}: pixels beyond the screen's edge`, wide, 0)
}

const browser = await chromium.launch({ executablePath: '/usr/bin/chromium', args: ['--no-sandbox', '--disable-gpu'] })
const faults = []
async function person(options, steps) {
  const context = await browser.newContext(options)
  const page = await context.newPage()
  page.setDefaultTimeout(45_000)
  page.on('console', (message) => { if (message.type() === 'error') faults.push(message.text()) })
  await steps(page)
  await context.close()
}

/** Signs in on the page that is shown, by keyboard. */
async function signIn(page, word) {
  await page.waitForSelector('#user')
  if (!(await page.inputValue('#user'))) {
    await page.focus('#user')
    await page.keyboard.type('ann')
    await page.keyboard.press('Tab')
  } else {
    await page.focus('#password')
  }
  await page.keyboard.type(word)
  await page.keyboard.press('Enter')
}

for (const colorScheme of ['light', 'dark']) {
  await person({ colorScheme, viewport: { width: 320, height: 640 } }, async (page) => {
    await page.goto(address())
    await inspect(page, `sign-in, ${colorScheme}`)
    await signIn(page, 'not the password')
    await page.waitForSelector('[role=alert]')
    await inspect(page, `sign-in refused, ${colorScheme}`)
    await signIn(page, password)
    await page.waitForSelector('button[value=allow]')
    await inspect(page, `consent, ${colorScheme}`)
    came = null
    await page.focus('button[value=allow]')
    await page.keyboard.press('Enter')
    await page.waitForURL(`${redirect}?*`)
    agree('state', came.searchParams.get('state'), 'from-the-browser')
    agree('iss', came.searchParams.get('iss'), issuer)
    agree('a code came', Boolean(came.searchParams.get('code')), true)

    await page.goto(address())
    came = null
    await page.click('button[value=deny]')
    await page.waitForURL(`${redirect}?*`)
    agree('refusing', came.searchParams.get('error'), 'access_denied')

    await page.goto(`${issuer}/account`)
    await inspect(page, `account, ${colorScheme}`)
    await page.goto(address({ redirect_uri: 'https://elsewhere.example/back' }))
    await inspect(page, `error, ${colorScheme}`)
    agree('still on our page', new URL(page.url()).origin, issuer)
  })
}

await person({ javaScriptEnabled: false }, async (page) => {
  await page.goto(address())
  await signIn(page, password)
  await page.waitForSelector('button[value=allow]')
  came = null
  await page.click('button[value=allow]')
  await page.waitForURL(`${redirect}?*`)
  agree('a code came without JavaScript', Boolean(came?.searchParams.get('code')), true)
})

// A page of somebody else's can't show ours in a frame.
await person({}, async (page) => {
  await page.goto(redirect)
  const shown = await page.evaluate(async (inside) => {
    const frame = document.createElement('iframe')
    const loaded = new Promise((done) => frame.addEventListener('load', done))
    frame.src = inside
    document.body.append(frame)
    await loaded
    try { return frame.contentDocument === null ? 'refused' : 'shown' } catch { return 'refused' }
  }, address())
  agree('framing', shown, 'refused')
  agree('a form in the frame', await page.frames().at(-1).locator('#user').count(), 0)
})

await browser.close()
application.close()
// Chromium tells the refused frame and the refused sign-ins; what a policy of ours blocked on our own pages is a fault.
agree('blocked by our own policy', faults.filter((text) => /form-action|style-src|img-src|script-src/.test(text)), [])
console.log('done')
