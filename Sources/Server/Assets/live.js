// Keeps an open page as it would be if it were loaded this moment. Without this script every page works all the same: forms are
// forms, links are links, and a page of something that runs loads itself again.
(() => {
  'use strict';
  const calm = matchMedia('(prefers-reduced-motion: reduce)').matches;
  const byId = (id) => document.getElementById(id);
  const pause = (ms) => new Promise((done) => setTimeout(done, ms));
  // The server's clock counts, not the reader's.
  let skew = Date.parse(document.body.dataset.now) - Date.now() || 0;
  const now = () => Date.now() + skew;

  // --- Making the page what another one is, without touching what is the same.

  function morph(have, want) {
    if (have.isEqualNode(want)) return;
    if (have.nodeName !== want.nodeName || (have.id || '') !== (want.id || '')) {
      have.replaceWith(document.importNode(want, true));
      return;
    }
    if (have.nodeType !== Node.ELEMENT_NODE) {
      have.nodeValue = want.nodeValue;
      return;
    }
    // What a person is filling in stays theirs.
    if (isInUse(have)) return;
    for (const { name } of [...have.attributes]) if (!want.hasAttribute(name)) have.removeAttribute(name);
    for (const { name, value } of want.attributes) if (have.getAttribute(name) !== value) have.setAttribute(name, value);
    if ('append' in have.dataset) return append(have, want);
    if ('partial' in have.dataset && isPartial) return morphSome(have, want);
    morphChildren(have, want);
  }

  function morphChildren(have, want) {
    const known = new Map();
    for (const child of have.children) if (child.id) known.set(child.id, child);
    let at = have.firstChild;
    for (const next of [...want.childNodes]) {
      const match = next.id ? known.get(next.id) : at && !at.id && at.nodeName === next.nodeName ? at : null;
      if (!match) {
        have.insertBefore(document.importNode(next, true), at);
        continue;
      }
      if (match === at) at = at.nextSibling;
      else have.insertBefore(match, at);
      morph(match, next);
    }
    while (at) {
      const gone = at;
      at = at.nextSibling;
      if (!isInUse(gone)) gone.remove();
    }
  }

  // Of a long list only the items that changed were asked for.
  function morphSome(have, want) {
    for (const item of want.children) {
      const known = item.id && have.querySelector(`#${CSS.escape(item.id)}`);
      if (known) morph(known, item);
    }
  }

  // A log only grows: lines that are there already are not sent again. Whoever reads its end goes on reading its end.
  function append(list, want) {
    const follows = list.scrollHeight - list.scrollTop - list.clientHeight < 40;
    const last = list.lastElementChild ? number(list.lastElementChild) : 0;
    for (const line of want.children) if (number(line) > last) list.append(document.importNode(line, true));
    if (follows) list.scrollTop = list.scrollHeight;
  }

  const number = (line) => Number(line.id.slice(1)) || 0;

  function isInUse(area) {
    if (area.nodeType !== Node.ELEMENT_NODE || !('keep' in area.dataset)) return false;
    return area.contains(document.activeElement) || [...area.querySelectorAll('input:not([type=hidden]), select')].some((field) =>
      field.type === 'radio' || field.type === 'checkbox' ? field.checked !== field.defaultChecked
        : field.tagName === 'INPUT' && field.value !== field.defaultValue);
  }

  // --- Hearing that something happened.

  let stream = null;
  let isBusy = false;
  let isDue = false;
  let lost = null;
  let isPartial = false;
  // Names of what changed in a list since it was last shown; null is everything.
  let changed = new Set();

  function heard(event) {
    let name = null;
    try {
      name = JSON.parse(event.data).app;
    } catch { /* Not a message about an app. */ }
    const about = document.body.dataset.about;
    if (about && name && name !== about) return;
    if (name && changed) changed.add(name);
    else changed = null;
    refresh();
  }

  function address() {
    const url = new URL(location.href);
    const lines = byId('lines');
    if (lines && 'append' in lines.dataset && lines.lastElementChild) {
      url.searchParams.set('since', number(lines.lastElementChild));
    }
    isPartial = Boolean(changed && changed.size && document.querySelector('[data-partial]'));
    if (isPartial) url.searchParams.set('only', [...changed].join(','));
    changed = new Set();
    return url;
  }

  async function refresh() {
    isDue = true;
    if (isBusy) return;
    isBusy = true;
    while (isDue) {
      isDue = false;
      const began = performance.now();
      try {
        const response = await fetch(address(), { headers: { Accept: 'text/html' }, cache: 'no-store' });
        if (response.redirected) return location.reload();
        if (!response.ok) throw new Error(`status ${response.status}`);
        show(new DOMParser().parseFromString(await response.text(), 'text/html'));
        connected();
      } catch {
        changed = null;
        disconnected();
      }
      // Never more than a third of the time is spent on this, however fast things happen.
      await pause(Math.max(200, 2 * (performance.now() - began)));
    }
    isBusy = false;
  }

  function show(page) {
    skew = Date.parse(page.body.dataset.now) - Date.now() || skew;
    document.title = page.title;
    const icon = page.getElementById('favicon').getAttribute('href');
    if (byId('favicon').getAttribute('href') !== icon) byId('favicon').setAttribute('href', icon);
    const said = document.querySelector('[data-announce]')?.dataset.announce;
    morph(byId('main'), page.getElementById('main'));
    morph(byId('foot'), page.getElementById('foot'));
    const says = document.querySelector('[data-announce]')?.dataset.announce;
    if (says && says !== said) byId('announce').textContent = says;
    filterAll();
    tick();
    if (!page.body.dataset.stream) close();
    else if (!stream) open(page.body.dataset.stream);
  }

  function open(url) {
    stream = new EventSource(url);
    // A stream that begins with this moment says nothing of what happened since the page was made.
    let isComplete = url.includes('after=');
    stream.onopen = () => {
      if (isComplete && !lost) return;
      isComplete = true;
      changed = null;
      refresh();
    };
    stream.onmessage = heard;
    stream.addEventListener('end', () => { close(); refresh(); });
    stream.onerror = () => {
      // Closed for good: a session that is over, or a server that says no. The page itself knows which.
      if (stream && stream.readyState === EventSource.CLOSED) {
        stream = null;
        disconnected();
        setTimeout(() => { if (!stream) open(url); refresh(); }, 5000);
      } else disconnected();
    };
  }

  function close() {
    if (stream) stream.close();
    stream = null;
    connected();
  }

  function disconnected() {
    if (lost) return;
    const at = new Date(now()).toISOString().slice(11, 19);
    // A restart of the server is over before anybody needs to know.
    lost = setTimeout(() => {
      byId('stale').textContent = `The server does not answer: this is as of ${at} UTC. Trying again.`;
      byId('stale').hidden = false;
    }, 3000);
  }

  function connected() {
    clearTimeout(lost);
    lost = null;
    byId('stale').hidden = true;
  }

  // --- Clocks.

  const two = (value) => String(value).padStart(2, '0');

  function span(ms) {
    const seconds = Math.max(0, Math.floor(ms / 1000));
    if (seconds < 60) return calm ? `${seconds}s` : `${(Math.max(0, Math.floor(ms / 100)) / 10).toFixed(1)}s`;
    if (seconds < 3600) return `${Math.floor(seconds / 60)}m ${two(seconds % 60)}s`;
    return `${Math.floor(seconds / 3600)}h ${two(Math.floor(seconds / 60) % 60)}m`;
  }

  function left(ms) {
    const seconds = Math.max(0, Math.ceil(ms / 1000));
    const hours = Math.floor(seconds / 3600);
    return (hours ? `${hours}:${two(Math.floor(seconds / 60) % 60)}` : `${Math.floor(seconds / 60)}`) + `:${two(seconds % 60)}`;
  }

  function tick() {
    for (const clock of document.querySelectorAll('[data-since]')) {
      const spent = now() - Date.parse(clock.dataset.since);
      clock.textContent = span(spent);
      const bar = clock.parentElement.querySelector('[data-bar]');
      if (bar) bar.setAttribute('width', Math.min(100, 100 * spent / Number(bar.dataset.bar)).toFixed(1));
    }
    for (const clock of document.querySelectorAll('[data-until]')) {
      clock.textContent = left(Date.parse(clock.getAttribute('datetime')) - now());
    }
  }

  // --- Finding in long lists, choosing in the log, and questions asked on top of the page.

  function filter(field) {
    const words = field.value.trim().toLowerCase();
    for (const item of document.querySelectorAll(field.dataset.filter)) {
      item.hidden = !(item.dataset.key || '').toLowerCase().includes(words);
    }
  }

  const filterAll = () => document.querySelectorAll('[data-filter]').forEach(filter);

  async function ask(link) {
    try {
      const response = await fetch(link.href, { headers: { Accept: 'text/html' } });
      const page = new DOMParser().parseFromString(await response.text(), 'text/html');
      const question = page.getElementById('confirm');
      if (!response.ok || response.redirected || !question) throw new Error('no question');
      const dialog = document.createElement('dialog');
      const title = question.querySelector('h1');
      title.id = 'question';
      dialog.setAttribute('aria-labelledby', 'question');
      dialog.append(document.importNode(question, true));
      dialog.addEventListener('close', () => { dialog.remove(); link.focus(); });
      document.body.append(dialog);
      dialog.showModal();
    } catch {
      location.href = link.href;
    }
  }

  document.addEventListener('input', (event) => {
    if (event.target.matches('[data-filter]')) filter(event.target);
  });
  document.addEventListener('change', (event) => {
    if (event.target.matches('[data-submit]')) event.target.form.requestSubmit();
  });
  document.addEventListener('click', (event) => {
    if (event.defaultPrevented || event.button || event.ctrlKey || event.metaKey || event.shiftKey) return;
    const link = event.target.closest('a');
    if (!link) return;
    if ('dialog' in link.dataset) {
      event.preventDefault();
      ask(link);
    } else if ('close' in link.dataset && link.closest('dialog')) {
      event.preventDefault();
      link.closest('dialog').close();
    }
  });
  // What cannot be put on the clipboard, as on a page without TLS, is selected, to be copied by hand.
  for (const button of document.querySelectorAll('[data-copy]')) button.hidden = false;
  document.addEventListener('click', async (event) => {
    const button = event.target.closest('[data-copy]');
    if (!button) return;
    const source = byId(button.dataset.copy);
    try {
      await navigator.clipboard.writeText(source.textContent);
      button.textContent = 'Copied';
    } catch {
      getSelection().selectAllChildren(source);
    }
  });
  // One click is one request.
  document.addEventListener('submit', (event) => {
    if (event.target.method !== 'post') return;
    setTimeout(() => event.target.querySelectorAll('button').forEach((button) => { button.disabled = true; }));
  });
  addEventListener('pageshow', (event) => {
    if (!event.persisted) return;
    document.querySelectorAll('button:disabled').forEach((button) => { button.disabled = false; });
    changed = null;
    refresh();
  });

  // A token behind the # of the address never left this browser: it is put where it would be typed.
  const token = byId('token');
  if (token && location.hash.startsWith('#vir_')) {
    token.value = location.hash.slice(1);
    history.replaceState(null, '', location.pathname + location.search);
  }

  const lines = byId('lines');
  // A link to a line that is not among the newest leads to the part of the log that has it.
  const line = /^#L(\d+)$/.exec(location.hash);
  if (lines && line && !byId(`L${line[1]}`) && !location.search.includes('upto=')) {
    location.replace(`?upto=${Number(line[1]) + 250}${location.hash}`);
  }
  if (lines && 'append' in lines.dataset && !location.hash.startsWith('#L')) lines.scrollTop = lines.scrollHeight;
  filterAll();
  tick();
  setInterval(tick, calm ? 1000 : 200);
  if (document.body.dataset.stream) open(document.body.dataset.stream);
})();
