// Updates an open page when something changes. Every page works without this script too: with forms, links, and reloads while a
// release runs.
(() => {
  'use strict';
  const calm = matchMedia('(prefers-reduced-motion: reduce)').matches;
  const byId = (id) => document.getElementById(id);
  const pause = (ms) => new Promise((done) => setTimeout(done, ms));
  // Times are compared with the server's clock.
  let skew = Date.parse(document.body.dataset.now) - Date.now() || 0;
  const now = () => Date.now() + skew;

  // --- Morphing the page into a newer version of itself, without touching what is equal.

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
    // A form that is being filled in is kept.
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

  // Only the changed items of a long list were requested.
  function morphSome(have, want) {
    for (const item of want.children) {
      const known = item.id && have.querySelector(`#${CSS.escape(item.id)}`);
      if (known) morph(known, item);
    }
  }

  // A log only grows: known lines are not sent again. A log that is scrolled to its end stays there.
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

  // --- Events.

  let stream = null;
  let isBusy = false;
  let isDue = false;
  let lost = null;
  let isPartial = false;
  // The names of the list items that changed since the last refresh; null for all.
  let changed = new Set();

  function onMessage(event) {
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
      // At most a third of the time is spent on refreshes.
      await pause(Math.max(200, 2 * (performance.now() - began)));
    }
    isBusy = false;
  }

  function show(page) {
    skew = Date.parse(page.body.dataset.now) - Date.now() || skew;
    document.title = page.title;
    const icon = page.getElementById('favicon').getAttribute('href');
    if (byId('favicon').getAttribute('href') !== icon) byId('favicon').setAttribute('href', icon);
    const before = document.querySelector('[data-announce]')?.dataset.announce;
    morph(byId('main'), page.getElementById('main'));
    morph(byId('foot'), page.getElementById('foot'));
    const after = document.querySelector('[data-announce]')?.dataset.announce;
    if (after && after !== before) byId('announce').textContent = after;
    filterAll();
    tick();
    if (!page.body.dataset.stream) close();
    else if (!stream) open(page.body.dataset.stream);
  }

  function open(url) {
    stream = new EventSource(url);
    // A stream without a start misses what happened since the page was rendered: refresh once.
    let isComplete = url.includes('after=');
    stream.onopen = () => {
      if (isComplete && !lost) return;
      isComplete = true;
      changed = null;
      refresh();
    };
    stream.onmessage = onMessage;
    stream.addEventListener('end', () => { close(); refresh(); });
    stream.onerror = () => {
      // Closed by the server: the session has ended, or the request was refused. The refresh shows which.
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
    // A restart of the server is shorter than this.
    lost = setTimeout(() => {
      byId('stale').textContent = `The server does not answer. This page is from ${at} UTC. Retrying.`;
      byId('stale').hidden = false;
    }, 3000);
  }

  function connected() {
    clearTimeout(lost);
    lost = null;
    byId('stale').hidden = true;
  }

  // --- Timers.

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

  // --- Filters, and confirmations as dialogs.

  function filter(field) {
    const text = field.value.trim().toLowerCase();
    for (const item of document.querySelectorAll(field.dataset.filter)) {
      item.hidden = !(item.dataset.key || '').toLowerCase().includes(text);
    }
  }

  const filterAll = () => document.querySelectorAll('[data-filter]').forEach(filter);

  async function confirm(link) {
    try {
      const response = await fetch(link.href, { headers: { Accept: 'text/html' } });
      const page = new DOMParser().parseFromString(await response.text(), 'text/html');
      const form = page.getElementById('confirm');
      if (!response.ok || response.redirected || !form) throw new Error('no form');
      const dialog = document.createElement('dialog');
      const title = form.querySelector('h1');
      title.id = 'dialog-title';
      dialog.setAttribute('aria-labelledby', 'dialog-title');
      dialog.append(document.importNode(form, true));
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
      confirm(link);
    } else if ('close' in link.dataset && link.closest('dialog')) {
      event.preventDefault();
      link.closest('dialog').close();
    }
  });
  // Without access to the clipboard, as on a page without TLS, the text is selected instead.
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
  // A form is sent once.
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

  // A token in the URL's fragment is never sent to a server: it goes into the field.
  const token = byId('token');
  if (token && location.hash.startsWith('#vir_')) {
    token.value = location.hash.slice(1);
    history.replaceState(null, '', location.pathname + location.search);
  }

  const lines = byId('lines');
  // A link to a line outside the current part of the log loads the part that has it.
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
