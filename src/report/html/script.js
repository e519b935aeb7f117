'use strict';
(() => {
  const SVG = 'http://www.w3.org/2000/svg';
  const make = (name, attributes, parent) => {
    const element = document.createElementNS(SVG, name);
    for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
    if (parent) parent.append(element);
    return element;
  };
  const digits = (v, n) => Number(v.toPrecision(n)).toLocaleString('en', { maximumFractionDigits: 6 });
  const words = {
    rate: (v) => `${digits(v, 3)}/s`,
    count: (v) => v.toLocaleString('en', { maximumFractionDigits: 0 }),
    time: (v) => (v < 1e-3 ? `${digits(v * 1e6, 3)} µs` : v < 1 ? `${digits(v * 1e3, 3)} ms` : `${digits(v, 3)} s`),
    ratio: (v) => `${(v * 100).toFixed(1)} %`,
    bytes: (v) => {
      const unit = [['GiB', 2 ** 30], ['MiB', 2 ** 20], ['KiB', 2 ** 10]].find(([, size]) => v >= size) || ['B', 1];
      return `${digits(v / unit[1], 3)} ${unit[0]}`;
    },
  };
  const two = (n) => String(n).padStart(2, '0');
  const clock = (seconds, wraps, fine) => {
    const s = Math.round(seconds);
    const h = Math.floor(s / 3600);
    const day = wraps && h >= 24 ? `day ${Math.floor(h / 24) + 1}, ` : '';
    return `${day}${wraps ? h % 24 : h}:${two(Math.floor(s / 60) % 60)}${fine ? `:${two(s % 60)}` : ''}`;
  };
  const STEPS = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400];

  function timeline(figure, number) {
    const data = JSON.parse(figure.querySelector('script').textContent);
    const drawn = figure.querySelector('.drawn');
    const svg = drawn.querySelector('svg');
    const unit = svg.viewBox.baseVal.width / data.size[0];
    const [left, right] = data.x.map((px) => px * unit);
    const panels = data.panels.map((panel) => ({ ...panel, top: panel.y[0] * unit, bottom: panel.y[1] * unit }));
    if (!panels.length || !data.t.length) return;
    const background = svg.querySelector('rect');
    const ticks = make('g', { class: 'ticks' });
    background.after(ticks);
    const number_of = (element, name) => Number(element.getAttribute(name));
    const panel_at = (y) => panels.findIndex((panel) => y >= panel.top - 1 && y <= panel.bottom + 1);
    const moved = [];
    const defs = make('defs', {}, svg);
    panels.forEach((panel, index) => {
      const clip = make('clipPath', { id: `clip-${number}-${index}` }, defs);
      make('rect', { x: left, y: panel.top - 4, width: right - left, height: panel.bottom - panel.top + 8 }, clip);
    });

    // Curves, areas and the tint move with the time axis; its grid and labels are drawn anew while it is zoomed.
    const sort_out = () => {
      let group = null;
      for (const element of [...svg.children]) {
        const is_rect = element.tagName === 'rect';
        const is_curve = element.tagName === 'polyline' || element.tagName === 'polygon';
        const y = is_curve ? Number(element.getAttribute('points').split(/[ ,]/, 2)[1]) : number_of(element, 'y');
        const panel = panel_at(y);
        if (panel >= 0 && (is_curve || (is_rect && element.getAttribute('opacity') === '0.12'))) {
          if (!group || group.panel !== panel || group.last.nextElementSibling !== element) {
            const clip = make('g', { 'clip-path': `url(#clip-${number}-${panel})` });
            element.before(clip);
            group = { panel, last: clip, inner: make('g', {}, clip) };
            moved.push(group.inner);
          }
          group.inner.append(element);
          if (element.tagName === 'polyline') element.classList.add('moving');
          continue;
        }
        group = null;
        const axis = panels.find((panel) => panel.axis && y > panel.bottom - 3 && y < panel.bottom + 22 * unit);
        const is_grid = is_rect && element.getAttribute('fill') === '#E4E7EC' && number_of(element, 'width') <= unit * 1.5;
        const is_mark = is_rect && axis && number_of(element, 'width') <= unit * 1.5 && y >= axis.bottom - 1;
        const is_label = element.tagName === 'text' && axis && number_of(element, 'x') > left - 1;
        if (is_grid || is_mark || is_label) element.classList.add('still');
      }
    };
    sort_out();

    const chosen = make('rect', { class: 'chosen', visibility: 'hidden' }, svg);
    const crosses = panels.map((panel) => make('line', { class: 'cross', y1: panel.top, y2: panel.bottom, visibility: 'hidden' }, svg));
    const box = (kind) => {
      const element = document.createElement('div');
      element.className = `readout ${kind}`;
      drawn.append(element);
      return element;
    };
    const boxes = panels.map((panel) => box(panel.c.length > 6 ? 'many' : ''));
    const time = box('clock');
    let view = [0, data.end];
    let began = null;
    let shown = -1;
    const wraps = data.t0 > 0;
    const x_of = (t) => left + ((t - view[0]) / (view[1] - view[0])) * (right - left);
    const t_of = (x) => Math.min(view[1], Math.max(view[0], view[0] + ((x - left) / (right - left)) * (view[1] - view[0])));
    const x_at = (event) => {
      const place = svg.getBoundingClientRect();
      return ((event.clientX - place.left) / place.width) * data.size[0] * unit;
    };
    const index_at = (t) => {
      let low = 0;
      let high = data.t.length - 1;
      while (low < high) {
        const middle = (low + high) >> 1;
        if (data.t[middle] < t) low = middle + 1; else high = middle;
      }
      return low;
    };

    function fill(element, panel, index) {
      element.replaceChildren();
      for (const curve of panel.c) {
        const key = make('svg', { viewBox: '0 0 10 10' });
        make('rect', { width: 10, height: 10, rx: 2, fill: curve.f }, key);
        const name = document.createElement('span');
        name.textContent = curve.n;
        const value = document.createElement('b');
        const v = curve.v[index];
        value.textContent = v === null ? '–' : words[curve.k](v);
        element.append(key, name, value);
      }
    }
    function place(element, x, y) {
      const scale = svg.getBoundingClientRect().width / (data.size[0] * unit);
      const width = element.offsetWidth;
      const beside = x * scale + 12;
      const fits = beside + width <= right * scale + 4;
      element.style.transform = `translate(${fits ? beside : x * scale - width - 12}px, ${y * scale}px)`;
    }
    function show(index) {
      shown = index;
      const x = Math.min(right, Math.max(left, x_of(data.t[index])));
      panels.forEach((panel, i) => {
        crosses[i].setAttribute('x1', x);
        crosses[i].setAttribute('x2', x);
        crosses[i].setAttribute('visibility', 'visible');
        boxes[i].classList.toggle('shown', panel.c.length > 0);
        fill(boxes[i], panel, index);
        place(boxes[i], x, panel.top + 4 * unit);
      });
      time.textContent = clock(data.t0 + data.t[index], wraps, true);
      if (data.thin && index > 0) time.textContent += `, greatest of ${digits(data.t[index] - data.t[index - 1], 3)} s`;
      time.classList.add('shown');
      place(time, x, panels[0].top - 28 * unit);
    }
    function hide() {
      shown = -1;
      for (const element of [...boxes, time]) element.classList.remove('shown');
      for (const cross of crosses) cross.setAttribute('visibility', 'hidden');
    }
    function zoom(from, until) {
      const least = (data.end / data.t.length) * 8;
      if (until - from < least) [from, until] = [(from + until - least) / 2, (from + until + least) / 2];
      view = [Math.max(0, from), Math.min(data.end, until)];
      const whole = view[0] <= 0 && view[1] >= data.end;
      const factor = data.end / (view[1] - view[0]);
      const shift = left - (left + (view[0] / data.end) * (right - left)) * factor;
      for (const group of moved) {
        if (whole) group.removeAttribute('transform'); else group.setAttribute('transform', `matrix(${factor} 0 0 1 ${shift} 0)`);
      }
      svg.classList.toggle('zoomed', !whole);
      again.hidden = whole;
      ticks.replaceChildren();
      if (!whole) draw_ticks();
      hide();
    }
    function draw_ticks() {
      const step = STEPS.find((s) => (view[1] - view[0]) / s <= 12) || 86400 * Math.ceil((view[1] - view[0]) / 86400 / 12);
      const first = Math.ceil((data.t0 + view[0]) / step) * step - data.t0;
      for (let t = first; t <= view[1]; t += step) {
        const x = x_of(t);
        for (const panel of panels) {
          make('line', { x1: x, x2: x, y1: panel.top, y2: panel.bottom }, ticks);
          if (panel.axis) {
            const label = make('text', { x, y: panel.bottom + 18 * unit, 'font-size': 9.5 * unit }, ticks);
            label.textContent = clock(data.t0 + t, wraps, step < 60);
          }
        }
      }
    }

    const again = document.createElement('button');
    again.className = 'again';
    again.type = 'button';
    again.textContent = 'show all of the time';
    again.hidden = true;
    again.addEventListener('click', () => zoom(0, data.end));
    figure.querySelector('figcaption').append(again);
    drawn.tabIndex = 0;
    drawn.addEventListener('pointermove', (event) => {
      const x = x_at(event);
      if (began !== null) {
        const [from, until] = [began, x].map((at) => Math.min(right, Math.max(left, at))).sort((a, b) => a - b);
        chosen.setAttribute('x', from);
        chosen.setAttribute('width', until - from);
        chosen.setAttribute('y', panels[0].top);
        chosen.setAttribute('height', panels[panels.length - 1].bottom - panels[0].top);
        chosen.setAttribute('visibility', 'visible');
      }
      if (x < left - 4 * unit || x > right + 4 * unit) hide(); else show(index_at(t_of(x)));
    });
    drawn.addEventListener('pointerleave', () => { if (began === null) hide(); });
    drawn.addEventListener('pointerdown', (event) => {
      if (event.button !== 0 || event.pointerType === 'touch') return;
      began = x_at(event);
      drawn.setPointerCapture(event.pointerId);
      event.preventDefault();
      drawn.focus({ preventScroll: true });
    });
    const end = (event) => {
      if (began === null) return;
      const [from, until] = [began, x_at(event)].sort((a, b) => a - b);
      began = null;
      chosen.setAttribute('visibility', 'hidden');
      if (event.type === 'pointerup' && until - from > 6 * unit) zoom(t_of(from), t_of(until));
    };
    drawn.addEventListener('pointerup', end);
    drawn.addEventListener('pointercancel', end);
    drawn.addEventListener('dblclick', () => zoom(0, data.end));
    drawn.addEventListener('keydown', (event) => {
      const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
      if (event.key === 'Escape') zoom(0, data.end);
      if (!step) return;
      event.preventDefault();
      const from = shown < 0 ? index_at(view[0]) : shown;
      show(Math.min(index_at(view[1]), Math.max(index_at(view[0]), from + step * (event.shiftKey ? 10 : 1))));
    });
    figure.classList.add('live');
  }

  function sortable(table) {
    const body = table.tBodies[0];
    [...table.tHead.rows[0].cells].forEach((cell, column) => {
      if (!cell.textContent.trim()) return;
      const button = document.createElement('button');
      button.type = 'button';
      button.append(...cell.childNodes);
      cell.append(button);
      button.addEventListener('click', () => {
        const way = cell.getAttribute('aria-sort') === 'ascending' ? -1 : 1;
        for (const other of table.tHead.rows[0].cells) other.removeAttribute('aria-sort');
        cell.setAttribute('aria-sort', way > 0 ? 'ascending' : 'descending');
        const key = (row) => row.cells[column].dataset.key ?? row.cells[column].textContent;
        const compared = (a, b) => {
          const [one, other] = [Number(a), Number(b)];
          if (a === '' || b === '') return (a === '') - (b === '');
          return way * (Number.isNaN(one) || Number.isNaN(other) ? a.localeCompare(b, 'en', { numeric: true }) : one - other);
        };
        body.append(...[...body.rows].sort((a, b) => compared(key(a), key(b))));
      });
    });
  }

  document.querySelectorAll('figure.timeline').forEach(timeline);
  document.querySelectorAll('table.sortable').forEach(sortable);
  addEventListener('beforeprint', () => document.querySelectorAll('details').forEach((details) => { details.open = true; }));
})();
