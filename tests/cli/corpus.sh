# SPDX-License-Identifier: MIT
# scripts/corpus/linux-doc: prose and nothing else, from pages that are made here.
. "$SRCTREE/tests/lib.sh"

corpus() { "$SRCTREE/scripts/corpus/linux-doc" "$@"; }

# page FILE: the body on stdin, as Sphinx dresses it
page()
{
	mkdir -p "$(dirname "$1")"
	{
		echo '<html><body><nav><p>Navigation that nobody wants to read here at all.</p></nav>'
		echo '<div itemprop="articleBody">'
		cat
		echo '</div><footer><p>A footer that nobody wants to read here at all.</p></footer>'
		echo '</body></html>'
	} >"$1"
}

long='This sentence is here so that the page is long enough to be taken for more than links.'
doc=linux-doc-9.9/html
page $doc/b.html <<END
<h1>Second page<a class="headerlink" href="#x">¶</a></h1>
<p>Its text has <code><span class="pre">code()</span></code> in it, an
ampersand &amp; a “quoted” word — all of that is &lt;kept&gt;.</p>
<p>$long The first page said something else than what is said on this second page.</p>
<div class="highlight"><pre>int main(void) { return 0; } This is code, which is left out.</pre></div>
<table><tr><td><p>This is a cell of a table, which is left out as well.</p></td></tr></table>
<dl><dt class="sig sig-object">void f(void)<a class="headerlink">¶</a></dt>
<dd><p>Frobs what its caller frobbed before, and returns the number of frobs.</p></dd></dl>
<h2>Nothing below</h2>
<p>no sentence</p>
<h2>Something below</h2>
<p>$long It comes once more, with other words, since a page of only a few words is left out.</p>
<p>$long It comes once more, with other words, since a page of only a few words is left out.</p>
<p>Not ASCII: \303\244 and so on, which is dropped in this corpus of English.</p>
END
page $doc/a.html <<END
<h1>First page</h1>
<p>$long This is the page that comes first, since its name does, wherever it was made.</p>
<p>$long And it says that twice, in a slightly different way, so that there is enough of it.</p>
<p>$long And it says that thrice, in a slightly different way, so that there is enough of it.</p>
<p>$long And it says that again, in a slightly different way, so that there is enough of it.</p>
END
page $doc/index.html <<END
<h1>Contents</h1><p>This page has nothing but a list of links to other pages.</p>
END
page $doc/translations/de.html <$doc/a.html

cat >want <<END
First page

$long This is the page that comes first, since its name does, wherever it was made.

$long And it says that twice, in a slightly different way, so that there is enough of it.

$long And it says that thrice, in a slightly different way, so that there is enough of it.

$long And it says that again, in a slightly different way, so that there is enough of it.

<|endoftext|>
Second page

Its text has code() in it, an ampersand & a "quoted" word -- all of that is <kept>.

$long The first page said something else than what is said on this second page.

Frobs what its caller frobbed before, and returns the number of frobs.

Something below

$long It comes once more, with other words, since a page of only a few words is left out.

END
succeeds "two pages" corpus -d linux-doc-9.9 text
equal "the text" "$(cat text)" "$(cat want)"
has "manifest: documents" '^documents: 2$' text.manifest
has "manifest: bytes" "^bytes: $(wc -c <want)\$" text.manifest
has "manifest: hash" "^sha256: $(sha256sum <want | cut -d ' ' -f 1)\$" text.manifest
equal "nothing else is left" "$(echo text*)" "text text.manifest"

fails "no such folder" 1 'no folder html' corpus -d nowhere none
mkdir -p empty/html
fails "no prose" 1 'no prose' corpus -d empty none
equal "nothing is left of them" "$(echo none*)" "none*"
fails "no file named" 2 usage corpus
